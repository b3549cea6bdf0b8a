"""The page at /: what is running, what is missing, how to get in. Nothing of any workspace."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version

import redis
from flask import Response, current_app, render_template
from flask.typing import ResponseReturnValue
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from connector.domain import facts
from connector.errors import ColabelError
from connector.jobs import QUEUES
from connector.web.operations import Answer, Api
from connector.web.services import Services, services

home = Api("home", __name__, tag="Health")
STYLE = "home.css"
WORK = {
    "classify": "answers pictures",
    "act": "carries rules out",
    "deliver": "sends messages",
    "train": "imports and trains",
}


@dataclass(frozen=True)
class Part:
    """One part of the service, as the page shows it."""

    name: str
    ok: bool
    sentence: str


@home.operation(
    "GET",
    "/",
    "The page for people",
    scope=None,
    answers={200: Answer("What is running and how to get in", media_type="text/html")},
)
def show() -> ResponseReturnValue:
    """Needs no key and shows nothing of any workspace."""
    here = services()
    weights, device = _facts(here)
    page = render_template(
        "home.html",
        version=version("colabel"),
        style=_style(),
        parts=_parts(here, device),
        weights=weights,
        url=here.settings.public_url,
    )
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{_style_hash()}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@lru_cache(maxsize=1)
def _style() -> str:
    loader = current_app.jinja_loader
    assert loader is not None
    return loader.get_source(current_app.jinja_env, STYLE)[0]


@lru_cache(maxsize=1)
def _style_hash() -> str:
    return base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()


def _facts(here: Services) -> tuple[str | None, str]:
    """Return the notice about missing weights, and what the models run on, as far as known."""
    try:
        with here.database.read() as session:
            device = facts.get(session, facts.DEVICE) or {}
            return facts.weights_notice(session), str(device.get("sentence", ""))
    except ColabelError:
        # The page says below that the database is away; there are no facts to show then.
        return None, ""


def _parts(here: Services, device: str) -> list[Part]:
    parts = [Part("Web", True, "takes pictures and answers the API"), _database(here)]
    workers = _workers(here)
    if workers is None:
        sentence = "is away; pictures are accepted and answered once it is back"
        return [*parts, Part("Redis", False, sentence)]
    parts.append(Part("Redis", True, "rings for the workers"))
    for queue, count in workers.items():
        sentence = f"{WORK.get(queue, 'works')}"
        if queue == "classify" and device:
            sentence = f"{sentence}; {device}"
        missing = f"is starting, or not running: colabel worker {queue}"
        parts.append(Part(f"Worker {queue}", count > 0, sentence if count else missing))
    return parts


def _database(here: Services) -> Part:
    kind = "SQLite" if here.database.is_sqlite else "PostgreSQL"
    try:
        with here.database.read() as session:
            facts.get(session, facts.WEIGHTS)
    except ColabelError as error:
        return Part(kind, False, error.detail)
    return Part(kind, True, "keeps what is known")


def _workers(here: Services) -> dict[str, int] | None:
    """Return how many workers each queue has; None when Redis is away."""
    try:
        return {queue: here.bells.client.scard(WORKERS_BY_QUEUE_KEY % queue) for queue in QUEUES}
    except redis.RedisError:
        return None
