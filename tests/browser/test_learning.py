"""How good, Train and Models in the browser: the slider, a wrong label, a version put back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import FORMS, Form, sideways, violations, window
from judged import judged
from playwright.sync_api import Browser, Page, expect
from running import running
from sites import Opener, Site, furnished

# A worker may have to start first.
WORKER_MS = 120_000


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a service of this module alone: its tests change what is promised, and what is live."""
    prepared, stage = furnished(tmp_path_factory.mktemp("learning") / "data")
    with running(prepared) as service:
        yield Site(service, stage)


@pytest.fixture
def tabs(site: Site) -> str:
    """The address below which the tabs of the classifier with everything are."""
    return f"/classifiers/{site.stage.classifiers['live']}"


def place(page: Page, what: str, attribute: str) -> float:
    """Return where a part of the drawing is."""
    return float(page.locator(f"[data-{what}]").get_attribute(attribute) or "nan")


def test_the_slider_is_moved_by_keys_and_its_promise_kept(open_as: Opener, tabs: str) -> None:
    page = open_as("Alice", f"{tabs}/quality")
    slider = page.get_by_role("slider")
    expect(slider).to_be_visible()
    expect(page.locator("select[name=choice]")).to_be_hidden()
    slider.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("At most 5 in 1,000 automatic answers are wrong.")).to_be_visible()
    assert "more answers are needed" in str(slider.get_attribute("aria-valuetext"))
    few, low = place(page, "handle", "cx"), place(page, "promise", "y1")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("At most 20 in 100 automatic answers are wrong.")).to_be_visible()
    # Fewer questions: farther to the right, and the line of the promise is higher.
    assert place(page, "handle", "cx") > few
    assert place(page, "promise", "y1") < low
    expect(page.get_by_text("Not promised yet.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Promise this").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("That is promised from now on.")).to_be_visible()
    # A worker finds out how it is kept; the page follows by itself.
    expect(page.locator("#promise-now")).to_contain_text("Kept", timeout=WORKER_MS)
    expect(page.get_by_role("slider")).to_have_value("8")


def test_without_script_the_choice_is_a_list_and_a_button(
    browser: Browser, site: Site, tabs: str
) -> None:
    with window(browser, site.url, site.token("Alice"), script=False) as page:
        page.goto(f"{tabs}/quality")
        expect(page.locator("[data-slider]")).to_be_hidden()
        page.get_by_label("How many of the automatic answers may be wrong?").first.select_option(
            "0.1"
        )
        page.get_by_role("button", name="Promise this").click()
        expect(page.get_by_text("That is promised from now on.")).to_be_visible()
        expect(page.locator("select[name=choice]")).to_have_value("0.1")


def test_a_wrong_label_is_put_right_and_back_by_keys(open_as: Opener, tabs: str) -> None:
    wrong = judged().report["suspects"]["pictures"][0]
    page = open_as("Alice", f"{tabs}/quality")
    first = page.locator("#doubts .doubt").first
    expect(first).to_contain_text(f"Labelled {wrong['given']}, looks like {wrong['suggested']}")
    first.get_by_role("button", name=f"It is {wrong['suggested']}").focus()
    page.keyboard.press("Enter")
    expect(first).to_contain_text(f"It is {wrong['suggested']} now.")
    # Where one was, one can take it back.
    expect(first.get_by_role("button", name="Undo")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(first).to_contain_text(f"Labelled {wrong['given']}")
    last = page.locator("#doubts .doubt").last
    last.get_by_role("button", name="is right").click()
    expect(last).to_contain_text("you are not asked again")


def test_a_number_opens_its_pictures(open_as: Opener, tabs: str) -> None:
    page = open_as("Alice", f"{tabs}/quality")
    number = page.locator(".cell.wrong a").first
    number.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cell h3")).to_be_focused()
    expect(page.locator("#cell img").first).to_be_visible()
    assert violations(page) == []
    assert sideways(page) == 0


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_version_is_put_back(browser: Browser, site: Site, tabs: str, script: bool) -> None:
    with window(browser, site.url, site.token("Alice"), script=script) as page:
        page.goto(f"{tabs}/models")
        for number in (2, 1):
            asked = re.compile(rf"^Put (live|back) version {number}$")
            page.get_by_role("link", name=asked).click()
            expect(page.get_by_role("heading", level=2)).to_have_text(f"Put version {number} live?")
            page.get_by_role("button", name=f"Put version {number} live").click()
            expect(page.get_by_text(f"Version {number} is live.")).to_be_visible()


def test_two_versions_are_compared_while_one_waits(open_as: Opener, tabs: str) -> None:
    page = open_as("Alice", f"{tabs}/models")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Right before:")).to_be_visible(timeout=WORKER_MS)
    assert violations(page) == []


STATES = ("empty", "collecting", "training", "failed")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_state_in_every_form(browser: Browser, site: Site, form: Form) -> None:
    with window(browser, site.url, site.token("Alice"), size=form.size, theme=form.theme) as page:
        for state in STATES:
            for tab in ("training", "quality", "models"):
                page.goto(f"/classifiers/{site.stage.classifiers[state]}/{tab}")
                assert violations(page) == [], (state, tab)
                assert sideways(page) == 0, (state, tab)
