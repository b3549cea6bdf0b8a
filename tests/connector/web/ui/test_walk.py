"""All pages, walked as everybody: whoever adds one is held to this without writing a test."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from flask import Flask
from pagereading import Reader, queries
from stage import EVERYTHING, Stage

from connector.db import Database
from connector.web.ui.pages import Page, Pages
from connector.web.ui.views import PAGES
from connector.web.ui.words import catalogue

ALL = [page for pages in PAGES if not pages.anonymous for page in pages.pages]
CLOSED = [page for page in ALL if page.role is not None]
# What is of one person and not of the workspace: to others of it, it is not there either.
PERSONAL = {"session_id"}
MOST_QUERIES = 14


@pytest.fixture
def parts() -> Collection[str]:
    return EVERYTHING


def params(page: Page) -> list[str]:
    return [part.strip("<>").rpartition(":")[2] for part in page.rule.split("/") if "<" in part]


def nothing(part: str) -> str:
    """Return what fits this part of a rule and is of nobody."""
    return ("1" if part.startswith("<int") else "x") if "<" in part else part


def ids(pages: list[Page]) -> list[str]:
    return [f"{page.method} {page.rule}" for page in pages]


def call(reader: Reader, page: Page, path: str) -> int:
    answer = reader.get(path) if page.method == "GET" else reader.post(path)
    return answer.status_code


def test_every_route_is_declared_by_a_page_or_an_operation(app: Flask) -> None:
    declared = {page.endpoint for pages in PAGES for page in pages.pages}
    found = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if isinstance(app.blueprints.get(rule.endpoint.partition(".")[0]), Pages)
    }
    assert found == declared


def test_a_page_cannot_be_added_without_saying_who_may_come() -> None:
    pages = Pages("bare", __name__)
    with pytest.raises(TypeError, match="who may come"):
        pages.add_url_rule("/bare", "bare", lambda: "")


def test_every_title_has_its_words() -> None:
    assert [page.rule for page in ALL if page.title and page.title not in catalogue()] == []


@pytest.mark.parametrize("page", CLOSED, ids=ids(CLOSED))
def test_nobody_is_asked_to_log_in(reader: Reader, page: Page) -> None:
    path = "/".join(nothing(part) for part in page.rule.split("/"))
    answer = reader.get(path) if page.method == "GET" else reader.post(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login")


def test_the_owner_sees_every_page_with_few_queries(
    readers: dict[str, Reader], stage: Stage, database: Database, app: Flask
) -> None:
    mine: Database = app.extensions["colabel"].database
    shown = [page for page in ALL if page.method == "GET"]
    assert len(shown) > 8
    for page in shown:
        with queries(mine) as sent:
            answer = readers["Alice"].get(stage.path(page.rule))
        assert answer.status_code in (200, 204, 303), (page.rule, answer.status)
        assert len(sent) <= MOST_QUERIES, (page.rule, sent)
        if page.title is not None and answer.status_code == 200:
            assert "<title>" in answer.text


def test_charlie_finds_nothing_of_alices(readers: dict[str, Reader], stage: Stage) -> None:
    of_hers = [page for page in CLOSED if params(page)]
    assert of_hers
    for page in of_hers:
        assert call(readers["Charlie"], page, stage.path(page.rule)) == 404, page.rule


def test_pages_without_an_id_show_charlie_nothing_of_alices(
    readers: dict[str, Reader], stage: Stage
) -> None:
    # Numbers, such as a version's, are on every page.
    known = {*stage.ids.values(), *stage.classifiers.values()}
    secrets = {one for one in known if not one.isdecimal()}
    secrets |= {actor.email for name, actor in stage.people.items() if name != "Charlie"}
    for page in (page for page in ALL if page.method == "GET" and not params(page)):
        text = readers["Charlie"].get(page.rule, follow_redirects=True).text
        assert [secret for secret in secrets if secret in text] == [], page.rule


def test_roles_hold(readers: dict[str, Reader], stage: Stage) -> None:
    for page in CLOSED:
        path = stage.path(page.rule)
        if page.role in ("owner", "member"):
            assert call(readers["Rosa"], page, path) == 403, page.rule
        if page.role == "owner":
            assert call(readers["Bob"], page, path) == 403, page.rule


def test_no_form_is_taken_without_its_token(readers: dict[str, Reader], stage: Stage) -> None:
    for page in (page for page in ALL if page.method == "POST"):
        path = stage.path(page.rule)
        answer = readers["Alice"].client.post(path, headers={"Accept": "text/html"})
        assert answer.status_code == 403, page.rule
        assert "open for too long" in answer.text


def test_no_form_is_taken_from_elsewhere(readers: dict[str, Reader], stage: Stage) -> None:
    for page in (page for page in ALL if page.method == "POST"):
        for origin in ("https://evil.example", "null"):
            path = stage.path(page.rule)
            answer = readers["Alice"].post(path, headers={"Origin": origin})
            assert answer.status_code == 403, (page.rule, origin)


@pytest.mark.parametrize("path", ["/", "/login", "/settings/people", "/nothing/here"])
def test_every_page_is_hardened(readers: dict[str, Reader], path: str) -> None:
    headers = readers["Alice"].get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


def test_personal_things_are_nobody_elses(readers: dict[str, Reader], stage: Stage) -> None:
    mine = [page for page in CLOSED if PERSONAL & set(params(page))]
    assert mine
    for page in mine:
        assert call(readers["Bob"], page, stage.path(page.rule)) == 404, page.rule
