"""The tab Automate in the browser: from an address to paste to a file in its folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsing import PHONE, sideways, unreachable, violations, window
from colours import picture
from playwright.sync_api import Browser, Page, expect
from sites import Opener, Site

# A worker may have to start first.
WORKER_MS = 120_000


@pytest.fixture
def tab(site: Site) -> str:
    """The tab of the classifier with everything."""
    return f"/classifiers/{site.stage.classifiers['live']}/automate"


@pytest.fixture
def red(tmp_path: Path) -> Path:
    """A picture that was never seen before."""
    path = tmp_path / "parcel.png"
    path.write_bytes(picture("red", seed=4711))
    return path


def test_from_a_source_by_a_rehearsed_rule_to_a_file_in_its_folder(
    open_as: Opener, site: Site, tab: str, red: Path
) -> None:
    page = open_as("Bob", tab)
    page.get_by_role("link", name="Connect", exact=True).click()
    page.get_by_role("link", name="Any tool").click()
    page.get_by_label("Name", exact=True).fill("Parcels")
    page.get_by_role("button", name="Make it").click()
    command = page.get_by_role("region", name="Block 1, to copy")
    expect(command).to_contain_text(re.compile(rf"curl -F image=@photo\.jpg {site.url}/hooks/\w+"))
    expect(page.get_by_text("Waiting for a picture")).to_be_visible()

    make_a_rule(page, tab)
    expect(page.locator("#rehearsal")).to_contain_text("it would have acted on", timeout=WORKER_MS)
    expect(page.get_by_text("Nothing was done to any picture.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("The rule is on")).to_be_visible()

    page.get_by_role("link", name="Send a test picture").click()
    page.get_by_label("A file of yours").set_input_files(red)
    page.get_by_text("More", exact=True).click()
    page.get_by_label("As if it came by").select_option(label="Parcels")
    page.get_by_text("Really send it").click()
    page.get_by_role("button", name="Go").click()
    trail = page.locator("#trail")
    expect(trail).to_contain_text("by “Parcels”")
    expect(trail).to_contain_text("The model says red", timeout=WORKER_MS)
    expect(trail).to_contain_text("browser/red/parcel.png", timeout=WORKER_MS)
    assert violations(page) == []
    (found,) = (site.service.prepared.data_dir / "sorted").rglob("browser/red/parcel.png")
    assert found.read_bytes() == red.read_bytes()


def make_a_rule(page: Page, tab: str) -> None:
    """Begin a rule for what is red, and see what it would do while it is typed."""
    page.goto(f"{tab}/rules/new")
    page.get_by_label("red", exact=True).check()
    page.get_by_label("Folder", exact=True).fill("browser/{colour}")
    # Only the card beside the form is replaced: the cursor stays where it is.
    ahead = page.locator("#ahead")
    expect(ahead).to_contain_text("As soon as the rule is complete")
    expect(page.get_by_label("Folder", exact=True)).to_be_focused()
    page.get_by_label("Folder", exact=True).fill("browser/{label}")
    expect(ahead).to_contain_text(re.compile(r"browser/red/[\w-]+\.png"))
    page.get_by_label("Which action").select_option("alert")
    page.get_by_role("button", name="Add", exact=True).click()
    alert = page.locator("fieldset[data-kind=alert]")
    expect(alert.get_by_label("Receivers")).to_be_hidden()
    alert.get_by_label("How").select_option("email")
    expect(alert.get_by_label("Receivers")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Leave out action 2").click()
    expect(alert).to_have_count(0)
    page.get_by_role("button", name="Rehearse it").click()


def test_a_picture_is_only_looked_at_without_script(
    browser: Browser, site: Site, tab: str, red: Path
) -> None:
    with window(browser, site.url, site.token("Bob"), size=PHONE, script=False) as page:
        page.goto(f"{tab}/test")
        page.get_by_label("A file of yours").set_input_files(red)
        page.get_by_role("button", name="Go").click()
        # It looks again by itself, as its head says.
        expect(page.get_by_text("The model says red")).to_be_visible(timeout=WORKER_MS)
        expect(page.get_by_text("Nothing was done, nobody was told")).to_be_visible()


def test_a_rule_with_every_kind_of_action_fits_and_is_reached_by_keys(
    open_as: Opener, tab: str
) -> None:
    page = open_as("Bob", f"{tab}/rules/new", size=PHONE)
    for kind in ("copy", "rotate", "tag", "alert", "classify"):
        page.get_by_label("Which action").select_option(kind)
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(f"fieldset[data-kind={kind}]")).to_be_visible()
    assert violations(page) == []
    assert sideways(page) == 0
    assert unreachable(page) == []
