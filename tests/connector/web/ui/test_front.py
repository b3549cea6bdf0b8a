"""The page at / for who is not logged in: what is running, and nothing of any workspace."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from caller import Caller
from colours import picture
from flask import Flask
from pagereading import Reader
from stage import Stage

from connector.db import Database
from connector.domain import facts
from connector.settings import Settings
from connector.web.app import create_app


class Page(HTMLParser):
    """Collects what a page says, loads and links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in ("src", "href", "srcset"):
                self.loads.append(value or "")
            elif name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
        if tag in ("style", "iframe") or (tag == "script" and "src" not in dict(attrs)):
            self.inline.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_the_page_loads_only_what_is_ours_and_its_links_work(reader: Reader) -> None:
    response = reader.get("/")
    assert response.mimetype == "text/html"
    page = Page(response.text)
    assert page.inline == []
    assert page.loads
    assert all(one.startswith("/static/") for one in page.loads)
    for link in {*page.links, *page.loads} - {"#content"}:
        assert reader.get(link).status_code in (200, 503), link


def test_a_first_visit_loads_less_than_a_hundred_kilobytes(reader: Reader) -> None:
    response = reader.get("/")
    size = len(response.data)
    for address in Page(response.text).loads:
        size += len(reader.get(address, headers={"Accept-Encoding": "gzip"}).data)
    assert 10_000 < size < 100_000


def test_it_says_that_weights_are_missing(reader: Reader, database: Database) -> None:
    assert "pretrained weights are missing" not in reader.get("/").text
    sentence = "No <weights> could be had; the network in the box is at work."
    with database.write() as session:
        facts.put(session, "weights", {"available": False, "sentence": sentence})
    text = reader.get("/").text
    assert "Better pretrained weights are missing" in text
    assert "No &lt;weights&gt; could be had" in text
    assert "COLABEL_WEIGHTS" in text


def test_it_shows_nothing_of_a_workspace(
    reader: Reader, stage: Stage, as_alice: Caller, as_nobody: Caller
) -> None:
    path = f"/api/v1/classifiers/{stage.ids['classifier_id']}/predictions"
    as_alice.post(path, data=picture("red", seed=50), query_string={"name": "a.png"})
    text = reader.get("/").text + as_nobody.get("/metrics").text + as_nobody.get("/readyz").text
    long = [one for one in stage.ids.values() if len(one) > 3]
    for secret in ("Alice", "colours", "a.png", "example.com", *long):
        assert secret not in text


@pytest.mark.parametrize("part", ["Web", "SQLite", "Redis"])
def test_it_says_what_is_running(reader: Reader, part: str) -> None:
    assert part in Page(reader.get("/").text).words


def test_it_answers_while_the_database_is_away(settings: Settings, tmp_path: Path) -> None:
    away = f"sqlite:///{tmp_path}/missing/folder/colabel.db"
    app = create_app(settings.model_copy(update={"database_url": away}))
    visitor = Reader(app, "a token that cannot be looked up")
    page = visitor.get("/")
    assert page.status_code == 200
    assert "did not answer in time" in page.text
    closed = visitor.get("/settings/account")
    assert closed.status_code == 503
    assert "Not available right now" in closed.text


def test_a_program_that_asks_gets_a_problem_and_a_person_a_page(app: Flask) -> None:
    client = app.test_client()
    program = client.get("/nothing")
    assert program.mimetype == "application/problem+json"
    person = client.get("/nothing", headers={"Accept": "text/html,*/*"})
    assert (person.status_code, person.mimetype) == (404, "text/html")
    assert re.search(r"<h1>There is nothing here</h1>", person.text)
    for path in ("/api/v1/nothing", "/hooks/nothing", "/metrics"):
        answer = client.get(path, headers={"Accept": "text/html,*/*"})
        assert answer.mimetype != "text/html", path
