"""Health on its page: what waits, who works, and each part with a way on."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from conftest import Person
from flask import Flask
from loopback import Loopback, answer
from pagereading import Reader, queries
from redis import Redis
from running import until
from stage import Stage

from connector import presence
from connector.db import Database
from connector.db.tables import Prediction, Review
from connector.domain import facts
from connector.embedded import EmbeddedRedis
from connector.jobs import QUEUES
from connector.settings import Settings
from connector.web.app import create_app

PATH = "/settings/health"


def said(reader: Reader, path: str = PATH) -> str:
    return html.unescape(reader.get(path).text)


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    server = EmbeddedRedis(settings.data_dir)
    with server.running():
        url = (settings.data_dir / "run/redis.url").read_text().strip()
        with closing(Redis.from_url(url)) as client:
            yield client


def test_without_redis_the_page_says_what_to_do(readers: dict[str, Reader]) -> None:
    page = said(readers["Alice"])
    assert "Something is broken." in page
    assert "nothing is lost meanwhile" in page
    assert "unknown" in page
    assert "SQLite answers." in page


def test_who_works_and_on_what(
    redis: Redis, settings: Settings, stage: Stage, database: Database
) -> None:
    # As `colabel up` starts it: with a Redis of its own.
    app = create_app(settings.model_copy(update={"redis_url": ""}))
    alice = Reader(app, stage.people["Alice"].token)
    url = (settings.data_dir / "run/redis.url").read_text().strip()
    assert "still starting" in said(alice)
    with presence.signed_in("classify", lambda: url, device=lambda: "cuda"):
        until(lambda: presence.count(redis, "classify") == 1, 30, "a worker")
        assert "on the GPU" in said(alice)
        with (
            presence.signed_in("act", lambda: url),
            presence.signed_in("deliver", lambda: url),
            presence.signed_in("train", lambda: url),
            presence.signed_in(presence.CLOCK, lambda: url),
        ):
            names = (*QUEUES, presence.CLOCK)
            until(lambda: all(presence.count(redis, one) for one in names), 30, "all of them")
            page = said(alice)
            assert "Everything is as it should be." in page
            assert "none loaded yet" in page
            with database.write() as session:
                facts.put(
                    session, facts.WEIGHTS, {"available": False, "sentence": "No weights here."}
                )
            page = said(alice)
            assert "It works. Something wants a look." in page
            assert "No weights here." in page
    app.extensions["colabel"].database.close()
    app.extensions["colabel"].bells.client.close()


def test_what_waits_is_counted_with_its_age(
    readers: dict[str, Reader], stage: Stage, database: Database
) -> None:
    with database.write() as session:
        row = session.query(Prediction).filter_by(status="done").limit(1).one()
        row.status = "queued"
    text = re.sub(r"<[^>]+>|\s+", " ", readers["Alice"].get(PATH).text)
    assert re.search(r"Answer pictures\s+1\s+\d+ seconds?", text)
    assert "One question waits for a person, the oldest for" in text


def test_it_is_quiet_while_nothing_changes_and_asks_little(
    app: Flask, readers: dict[str, Reader], stage: Stage, database: Database
) -> None:
    with database.write() as session:
        session.query(Prediction).update({"status": "done"})
        session.query(Review).update({"state": "answered"})
    with queries(app.extensions["colabel"].database) as sent:
        first = readers["Alice"].get(f"{PATH}/state")
    assert len(sent) <= 14
    seen = re.search(r"seen=(\w{16})", first.text)
    assert seen is not None
    # The disk's free room is said in tenths of a gigabyte, which others may fill meanwhile.
    again = readers["Alice"].get(f"{PATH}/state?seen={seen[1]}")
    assert again.status_code == 204 or "GB free" in again.text


def test_everything_is_looked_at_on_demand(
    readers: dict[str, Reader], settings: Settings, stage: Stage
) -> None:
    page = said(readers["Alice"])
    assert "can be written, read and deleted" not in page
    for path in (f"{PATH}?all=1", f"{PATH}/checks"):
        page = said(readers["Alice"], path)
        assert "can be written, read and deleted" in page
        assert "revision" in page
        assert "no alerts by e-mail" in page
        assert "<code>colabel up</code>" in page


def test_a_mail_server_that_is_away_is_broken(settings: Settings, stage: Stage) -> None:
    changed = settings.model_copy(update={"smtp_url": "smtp://127.0.0.1:9"})
    app = create_app(changed)
    page = said(Reader(app, stage.people["Alice"].token), f"{PATH}/checks")
    assert "COLABEL_SMTP_URL" in page
    app.extensions["colabel"].database.close()


def test_the_public_address_is_called(settings: Settings, stage: Stage) -> None:
    with closing(Loopback(answer(b'{"status": "ok"}'))) as server:
        changes = {"public_url": server.url.rstrip("/"), "redis_url": "redis://127.0.0.1:9/0"}
        app = create_app(settings.model_copy(update=changes))
        page = said(Reader(app, stage.people["Alice"].token), f"{PATH}/checks")
        assert f"{server.url.rstrip('/')} answers" in page
        app.extensions["colabel"].database.close()


def test_only_owners_see_it(readers: dict[str, Reader], alice: Person) -> None:
    assert readers["Bob"].get(PATH).status_code == 403
