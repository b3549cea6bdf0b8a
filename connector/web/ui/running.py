"""What is running and what is missing; nothing of any workspace."""

from __future__ import annotations

from dataclasses import dataclass

import redis
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from connector.domain import facts
from connector.errors import ColabelError
from connector.jobs import QUEUES
from connector.web.services import Services, services
from connector.web.ui.words import t


@dataclass(frozen=True)
class Part:
    """One part of the service, as the page shows it."""

    name: str
    ok: bool
    sentence: str


def look() -> tuple[list[Part], str | None]:
    """Return the parts, and the notice about missing weights."""
    here = services()
    weights, device = _facts(here)
    return _parts(here, device), weights


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
    parts = [Part(t("running.web"), True, t("running.web_ok")), _database(here)]
    workers = _workers(here)
    if workers is None:
        return [*parts, Part(t("running.redis"), False, t("running.redis_away"))]
    parts.append(Part(t("running.redis"), True, t("running.redis_ok")))
    for queue, count in workers.items():
        sentence = t(f"running.{queue}_ok")
        if queue == "classify" and device:
            sentence = f"{sentence}; {device}"
        missing = t("running.worker_away", queue=queue)
        name = t("running.worker", queue=queue)
        parts.append(Part(name, count > 0, sentence if count else missing))
    return parts


def _database(here: Services) -> Part:
    kind = "SQLite" if here.database.is_sqlite else "PostgreSQL"
    try:
        with here.database.read() as session:
            facts.get(session, facts.WEIGHTS)
    except ColabelError as error:
        return Part(kind, False, error.detail)
    return Part(kind, True, t("running.database_ok"))


def _workers(here: Services) -> dict[str, int] | None:
    """Return how many workers each queue has; None when Redis is away."""
    try:
        return {queue: here.bells.client.scard(WORKERS_BY_QUEUE_KEY % queue) for queue in QUEUES}
    except redis.RedisError:
        return None
