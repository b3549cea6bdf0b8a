"""Health, readiness, numbers, and the page for people."""

from __future__ import annotations

import base64
import hashlib
import re
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from colours import picture
from flask import Flask
from redis import Redis
from rq import Queue
from rq.worker_registration import WORKERS_BY_QUEUE_KEY
from running import until

from connector.db import Database
from connector.domain import facts
from connector.embedded import EmbeddedRedis
from connector.settings import Settings
from connector.web.app import create_app


def test_healthz_needs_nothing(as_nobody: Caller) -> None:
    assert as_nobody.get("/healthz").json == {"status": "ok"}


def test_without_redis_it_is_ready_but_degraded(as_nobody: Caller) -> None:
    shown = as_nobody.get("/readyz").json or {}
    assert shown["status"] == "degraded"
    assert shown["checks"]["database"]["status"] == "ok"
    assert "answered once it is back" in shown["checks"]["redis"]["detail"]


def test_with_redis_it_is_ready_and_a_picture_rings(
    settings: Settings, job: Any, tmp_path: Path
) -> None:
    with EmbeddedRedis(tmp_path / "redis").running() as url, closing(Redis.from_url(url)) as client:
        app = create_app(settings.model_copy(update={"redis_url": url}))
        caller = Caller(app, {})
        assert (caller.get("/readyz").json or {})["status"] == "ready"
        page = Page(caller.get("/").text)
        assert "is starting, or not running: colabel worker classify" in page.words
        client.sadd(WORKERS_BY_QUEUE_KEY % "classify", "a worker")
        assert "answers pictures" in Page(caller.get("/").text).words
        assert caller.post(job.hook, data=picture("red")).status_code == 202
        # It rings from a thread of its own, so that the answer need not wait for Redis.
        until(lambda: Queue("classify", connection=client).count == 1, 10, "the picture rang")
        app.extensions["colabel"].bells.client.close()
        app.extensions["colabel"].database.close()


def test_a_database_that_is_away_makes_it_unready(settings: Settings, tmp_path: Any) -> None:
    away = f"sqlite:///{tmp_path}/missing/folder/colabel.db"
    app = create_app(settings.model_copy(update={"database_url": away}))
    response = Caller(app, {}).get("/readyz")
    assert response.status_code == 503
    assert (response.json or {})["code"] == "not_ready"
    assert (response.json or {})["checks"]["database"]["status"] == "fail"
    assert app.test_client().get("/healthz").status_code == 200
    assert app.test_client().get("/").status_code == 200


def test_a_full_disk_makes_it_unready(settings: Settings) -> None:
    full = settings.model_copy(update={"min_free_bytes": 1 << 60})
    app = create_app(full)
    response = Caller(app, {}).get("/readyz")
    assert response.status_code == 503
    assert "free some space" in (response.json or {})["detail"]
    app.extensions["colabel"].database.close()


class Page(HTMLParser):
    """Collects what a page says and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in ("src", "href", "action", "srcset", "style") or name.startswith("on"):
                self.loads.append(f"{tag} {name}={value}")
        if tag in ("script", "iframe", "img", "link"):
            self.loads.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_loads_nothing_and_its_links_work(app: Flask, as_nobody: Caller) -> None:
    response = as_nobody.get("/")
    assert response.mimetype == "text/html"
    page = Page(response.text)
    assert page.loads == []
    assert page.links
    for link in page.links:
        assert app.test_client().get(link).status_code in (200, 503)


def test_the_pages_style_is_the_one_that_its_policy_allows(as_nobody: Caller) -> None:
    response = as_nobody.get("/")
    style = re.search(r"<style>(.*?)</style>", response.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["Content-Security-Policy"]
    assert "prefers-color-scheme: dark" in style[1]


def test_the_page_says_that_weights_are_missing(as_nobody: Caller, database: Database) -> None:
    assert "Pretrained weights are missing" not in as_nobody.get("/").text
    sentence = "No <weights> could be had; models learn from your pictures alone."
    with database.write() as session:
        facts.put(session, "weights", {"available": False, "sentence": sentence})
    text = as_nobody.get("/").text
    assert "Pretrained weights are missing" in text
    assert "No &lt;weights&gt; could be had" in text
    assert "COLABEL_WEIGHTS" in text


def test_the_page_shows_nothing_of_a_workspace(
    as_nobody: Caller, as_alice: Caller, job: Any
) -> None:
    as_alice.post(f"{job.path}/predictions", data=picture("red"), query_string={"name": "a.png"})
    text = as_nobody.get("/").text + as_nobody.get("/metrics").text + as_nobody.get("/readyz").text
    for secret in ("Alice", "colours", job.id, job.hook, "a.png"):
        assert secret not in text


@pytest.mark.parametrize("part", ["Web", "SQLite", "Redis"])
def test_the_page_says_what_is_running(as_nobody: Caller, part: str) -> None:
    page = Page(as_nobody.get("/").text)
    assert part in [word.strip() for word in page.words]
