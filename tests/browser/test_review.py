"""Answering in Chromium: by keyboard without waiting, skipped, taken back, with a thumb."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from browsing import DESKTOP, PHONE, sideways, violations
from colours import picture
from playwright.sync_api import Browser, Page, expect
from running import Service, prepare, running, until
from sqlalchemy import select
from stage import Stage, furnish

from connector.db.tables import Review
from connector.settings import load_settings
from workers.runtime import open_runtime

Opener = Callable[..., Page]
COUNT = 12


@dataclass(frozen=True)
class Site:
    """A service of this module's own: its questions are in nobody's way."""

    service: Service
    stage: Stage

    @property
    def url(self) -> str:
        return self.service.url

    def token(self, name: str) -> str:
        return self.stage.people[name].token


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start it."""
    prepared = prepare(tmp_path_factory.mktemp("review") / "data")
    rt = open_runtime(load_settings(data_dir=prepared.data_dir), with_redis=False)
    stage = furnish(rt, prepared.workspace_id, prepared.classifier_id)
    rt.database.close()
    with running(prepared) as service:
        yield Site(service, stage)


def rows(site: Site) -> list[tuple[str, str, str | None, str | None]]:
    """Return id, state, label and who answered of all reviews, the oldest first."""
    database = site.service.prepared.database()
    try:
        with database.read() as session:
            statement = select(Review.id, Review.state, Review.label, Review.answered_by)
            return [tuple(row) for row in session.execute(statement.order_by(Review.id))]
    finally:
        database.close()


def open_ones(site: Site) -> list[str]:
    return [row[0] for row in rows(site) if row[1] == "open"]


@pytest.fixture
def asked(site: Site) -> list[str]:
    """Send grey pictures, which the model asks about; return all open questions."""
    before = len(open_ones(site))
    first = len(rows(site)) * 100 + 1000
    for seed in range(first, first + COUNT):
        path = site.service.prepared.hook_path
        headers = {"Content-Type": "image/png"}
        status, _ = site.service.request("POST", path, picture("grey", seed=seed), headers)
        assert status == 202
    until(lambda: len(open_ones(site)) >= before + COUNT, 60, "the questions are asked")
    return open_ones(site)


def question(page: Page) -> str:
    return str(page.locator("#question").get_attribute("data-review"))


def answered(site: Site, review_id: str) -> tuple[str, str | None, str | None]:
    return next(row[1:] for row in rows(site) if row[0] == review_id)


def press(page: Page, key: str) -> str:
    """Press a key and wait until another question is shown; return the one that was."""
    before = question(page)
    page.keyboard.press(key)
    expect(page.locator("#question")).not_to_have_attribute("data-review", before)
    return before


def test_five_by_keyboard_one_skipped_and_the_last_taken_back(
    open_as: Opener, site: Site, asked: list[str]
) -> None:
    page = open_as("Alice", "/review", size=DESKTOP)
    assert question(page) == asked[0]
    expected = []
    for key in "12301":
        chosen = page.locator(f'#question [data-key="{key}"]').get_attribute("value")
        expected.append((press(page, key), None if key == "0" else chosen))
    assert [one for one, _ in expected] == asked[:5]
    expect(page.locator("#said")).to_contain_text("Your answer")
    for review_id, label in expected:
        until(lambda one=review_id: answered(site, one)[0] == "answered", 10, "it is kept")
        assert answered(site, review_id) == ("answered", label, "Alice")
    skipped = press(page, "s")
    assert answered(site, skipped)[0] == "open"
    last = press(page, "1")
    expect(page.locator("#said")).to_contain_text("Your answer")
    until(lambda: answered(site, last)[0] == "answered", 10, "it is kept")
    page.keyboard.press("u")
    page.wait_for_url(f"**/review/{last}")
    expect(page.locator(".which")).to_contain_text("Alice answered")
    assert violations(page) == []
    page.locator('[data-key="2"]').focus()
    label = page.locator('[data-key="2"]').get_attribute("value")
    page.keyboard.press("2")
    page.wait_for_url(f"**/review?last={last}")
    expect(page.locator("#messages")).to_contain_text(f"Changed to “{label}”.")
    assert answered(site, last) == ("answered", label, "Alice")
    assert question(page) not in (last, skipped)


def test_the_next_picture_is_there_before_it_is_asked_about(
    open_as: Opener, site: Site, asked: list[str]
) -> None:
    page = open_as("Alice", "/review")
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    # Whatever the server does now, the next one is shown at once.
    page.route("**/answer", lambda _route: None)
    before = question(page)
    press(page, "1")
    assert question(page) != before
    path = f"/review/{question(page)}/picture"
    assert [url for url in loaded if path in url], "it was loaded before"
    shown = page.locator("#question [data-look]")
    assert path in str(shown.get_attribute("src"))
    # Playwright's routes switch the cache off, so here it is fetched once more.
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")


def test_two_people_at_once_are_asked_different_questions(
    open_as: Opener, site: Site, asked: list[str]
) -> None:
    pages = [open_as(name, "/review") for name in ("Alice", "Rosa")]
    for page in pages:
        page.wait_for_load_state("networkidle")
    seen: list[str] = []
    for _ in range(3):
        for page in pages:
            seen.append(press(page, "1"))
            page.wait_for_load_state("networkidle")
    assert len(set(seen)) == len(seen)
    expect(pages[0].locator("#messages .alert")).to_have_count(0)
    people = ["Alice", "Rosa"] * 3
    until(lambda: [answered(site, one)[2] for one in seen] == people, 10, "all are kept")


def test_who_leaves_gives_the_question_back(open_as: Opener, site: Site, asked: list[str]) -> None:
    alice, rosa = open_as("Alice", "/review"), open_as("Rosa", "/login")
    alice.wait_for_load_state("networkidle")
    first = question(alice)
    alice.goto("/settings/account")

    def given_back() -> bool:
        rosa.goto("/review")
        return question(rosa) == first

    until(given_back, 20, "the question is free again")


def test_an_answer_that_does_not_arrive_puts_the_picture_back(
    open_as: Opener, site: Site, asked: list[str]
) -> None:
    page = open_as("Alice", "/review")
    page.wait_for_load_state("networkidle")
    first = question(page)
    page.route("**/answer", lambda route: route.fulfill(status=503))
    page.keyboard.press("1")
    expect(page.locator("#messages")).to_contain_text("did not arrive")
    expect(page.locator("#question")).to_have_attribute("data-review", first)
    page.unroute("**/answer")
    page.wait_for_load_state("networkidle")
    assert press(page, "1") == first
    until(lambda: answered(site, first)[0] == "answered", 10, "it is kept")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_with_a_thumb_on_a_phone(open_as: Opener, site: Site, asked: list[str], theme: str) -> None:
    page = open_as("Rosa", "/review", size=PHONE, theme=theme)
    assert sideways(page) == 0
    assert violations(page) == []
    for name in ("label", "none_of_these"):
        box = page.locator(f'#question button[name="{name}"]').first.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    before = question(page)
    page.locator('#question button[name="label"]').first.tap()
    expect(page.locator("#question")).not_to_have_attribute("data-review", before)
    expect(page.locator("#said")).to_contain_text("Your answer")
    assert answered(site, before)[2] == "Rosa"


def test_without_script_forms_lead_on(open_as: Opener, site: Site, asked: list[str]) -> None:
    page = open_as("Rosa", "/review", script=False)
    before = question(page)
    page.locator('#question button[name="label"]').first.click()
    page.wait_for_url(re.compile(rf"/review\?last={before}"))
    assert question(page) != before
    page.get_by_role("link", name="Undo").click()
    page.wait_for_url(f"**/review/{before}")
    assert answered(site, before)[0] == "answered"


def test_a_signed_link_on_a_phone(open_as: Opener, site: Site, asked: list[str]) -> None:
    made = site.service.call("POST", f"/api/v1/reviews/{asked[0]}/link", {"name": "Dana"})
    path = urlsplit(made["url"]).path
    page = open_as(None, path, size=PHONE)
    assert sideways(page) == 0
    assert violations(page) == []
    label = page.locator('button[name="label"]').first
    name = label.get_attribute("value")
    label.tap()
    expect(page.locator("h1")).to_have_text("Thank you")
    assert answered(site, asked[0]) == ("answered", name, "Dana")
    page.goto(path)
    expect(page.locator("main")).to_contain_text(f"Dana said “{name}”")
