"""The activity in the browser: a picture found, its move undone, a rule's deeds, and a table."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from acting import run
from browsing import FORMS, Form, sideways, unreachable, violations, window
from colours import picture
from happened import way_in
from playwright.sync_api import Browser, Page, expect
from running import running
from sites import Opener, Site, furnished

from connector.db.tables import Classifier, Rule
from connector.domain import predictions
from connector.domain.predictions import Submission
from connector.settings import load_settings
from workers.runtime import open_runtime

# A worker may have to start first.
WORKER_MS = 120_000
NUMBERS = range(4)


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the pictures lie in before a rule moves them."""
    return tmp_path_factory.mktemp("inbox")


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory, inbox: Path) -> Iterator[Site]:
    """Give a service of this module alone, in which a rule has moved every picture of a folder."""
    prepared, stage = furnished(tmp_path_factory.mktemp("activity") / "data")
    rt = open_runtime(load_settings(data_dir=prepared.data_dir), with_redis=False)
    with rt.database.read() as session:
        source = way_in(session, session.get_one(Classifier, prepared.classifier_id))
        # The first that the stage made: it moves what says that it is for shelf seven.
        first = session.query(Rule.rule_id).order_by(Rule.rule_id).limit(1)
        stage.ids["rule_id"] = first.scalar()
    for number in NUMBERS:
        file = inbox / f"scan-{number}.png"
        file.write_bytes(picture("blue", seed=700 + number))
        sent = Submission(
            file.read_bytes(),
            file.name,
            external_id=f"order-9{number}",
            metadata={"shelf": "seven"},
            location={"kind": "local", "path": str(file)},
        )
        predictions.submit(rt.database, rt.blobs, rt.settings, source=source, submission=sent)
    run(rt)
    rt.database.close()
    assert list(inbox.iterdir()) == []
    with running(prepared) as service:
        yield Site(service, stage)


def back(inbox: Path) -> list[str]:
    """Return the files that lie in the folder as they did, byte for byte."""
    return [
        f"scan-{number}.png"
        for number in NUMBERS
        if (file := inbox / f"scan-{number}.png").exists()
        and file.read_bytes() == picture("blue", seed=700 + number)
    ]


def find(page: Page, text: str) -> None:
    """Look for a text with the form of the list."""
    page.get_by_role("searchbox").fill(text)
    page.keyboard.press("Enter")


def test_a_picture_is_found_and_its_move_undone(open_as: Opener, site: Site, inbox: Path) -> None:
    page = open_as("Bob", "/activity")
    find(page, "order-91")
    rows = page.locator(".act")
    expect(rows).to_have_count(1)
    assert violations(page) == []
    rows.get_by_role("link", name="scan-1.png").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("scan-1.png")
    expect(page.locator(".line")).to_contain_text("Moved to …/blue/scan-1.png")
    expect(page.locator(".seen img")).to_be_visible()
    assert back(inbox) == []
    page.get_by_role("button", name=re.compile("^Undo: Moved to")).focus()
    page.keyboard.press("Enter")
    # The page follows by itself what the worker does.
    done = re.compile("(?<!being )taken back")
    expect(page.locator(".line")).to_contain_text(done, timeout=WORKER_MS)
    expect(page.get_by_role("button", name=re.compile("^Undo: Moved to"))).to_have_count(0)
    assert back(inbox) == ["scan-1.png"]
    assert violations(page) == []
    assert unreachable(page) == []


def test_chosen_pictures_are_counted_and_taken_back_by_keys(
    open_as: Opener, site: Site, inbox: Path
) -> None:
    page = open_as("Bob", "/activity?q=scan-")
    expect(page.get_by_role("button", name="Undo what was done")).to_be_hidden()
    page.get_by_label("Choose scan-0.png").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-chosen]")).to_have_text("1 picture chosen")
    page.get_by_role("button", name="Choose all on this page").click()
    expect(page.locator("[data-chosen]")).to_have_text("4 pictures chosen")
    assert violations(page) == []
    page.get_by_role("button", name="Choose none").click()
    expect(page.locator("[data-chosen]")).to_be_hidden()
    page.get_by_label("Choose scan-0.png").check()
    page.get_by_role("button", name="Undo what was done").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Undo in bulk")
    expect(page.get_by_role("list", name="These")).to_contain_text("scan-0.png")
    page.get_by_role("button", name="Take 1 action back").click()
    expect(page.locator(".sum").first).to_contain_text("1 taken back", timeout=WORKER_MS)
    assert "scan-0.png" in back(inbox)


def test_all_that_a_rule_did_is_looked_at_and_taken_back_without_what_was_changed(
    open_as: Opener, site: Site, inbox: Path
) -> None:
    page = open_as("Bob", f"/activity?rule={site.stage.ids['rule_id']}&q=scan-2")
    page.get_by_role("link", name="scan-2.png").click()
    moved = page.locator(".facts").filter(has_text="/blue/scan-2.png").first
    path = Path(re.findall(r"/\S+/blue/scan-2\.png", moved.inner_text())[-1])
    path.write_bytes(b"somebody's work")
    page.goto(f"/activity?rule={site.stage.ids['rule_id']}")
    page.get_by_role("link", name="Undo in bulk").click()
    expect(page.get_by_text("can be taken back.")).to_be_visible()
    assert violations(page) == []
    assert "scan-3.png" not in back(inbox), "a look only"
    page.get_by_role("button", name=re.compile(r"^Take \d+ actions back$")).click()
    done = page.get_by_role("heading", name="Done")
    expect(done).to_be_visible(timeout=WORKER_MS)
    stayed = page.get_by_role("list", name="What stays as it is, and why")
    expect(stayed).to_contain_text("scan-2.png")
    assert "scan-3.png" in back(inbox)
    assert path.read_bytes() == b"somebody's work"
    assert violations(page) == []
    page.get_by_role("link", name="Past undos").click()
    expect(page.get_by_text("1 stayed")).to_be_visible()


def test_the_table_that_is_downloaded_holds_what_was_found(open_as: Opener, tmp_path: Path) -> None:
    page = open_as("Rosa", "/activity?q=scan-&label=blue")
    page.get_by_text("Export", exact=True).click()
    expect(page.get_by_role("link", name="CSV")).to_be_visible()
    assert violations(page) == []
    with page.expect_download() as downloading:
        page.get_by_role("link", name="CSV").click()
    file = tmp_path / "table.csv"
    downloading.value.save_as(file)
    assert downloading.value.suggested_filename.endswith(".csv")
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    assert [one["name"] for one in rows] == [f"scan-{number}.png" for number in (3, 2, 1, 0)]
    assert {(one["label"], one["status"]) for one in rows} == {("blue", "done")}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_empty_crowded_and_wrong_in_every_form(browser: Browser, site: Site, form: Form) -> None:
    rule, one = site.stage.ids["rule_id"], site.stage.ids["prediction_id"]
    alice = (
        f"/activity?q=nothing&rule={rule}&status=done&min=3&max=99&label=blue&decided_by=model",
        "/activity?since=yesterday&max=200",
        f"/activity/undo?rule={rule}",
        "/activity/undo?kind=move&since=soon",
        f"/predictions/{one}/correct?label=green",
        f"/predictions/{one}/delete",
    )
    empty = ("/activity", "/activity/undos", "/activity/undo")
    for name, paths in (("Alice", alice), ("Charlie", empty)):
        with window(browser, site.url, site.token(name), size=form.size, theme=form.theme) as page:
            for path in paths:
                page.goto(path)
                assert violations(page) == [], path
                assert sideways(page) == 0, path
