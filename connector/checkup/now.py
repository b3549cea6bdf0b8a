"""How the service does at this moment: cheap enough to be asked again every few seconds."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

import redis
from sqlalchemy.orm import Session

from connector import presence
from connector.checkup import checks, machine, outside, places
from connector.checkup.finding import Finding
from connector.domain import facts, numbers
from connector.domain.numbers import Waiting
from connector.jobs import QUEUES
from connector.settings import Settings

# What a queue's workers compute on matters where they run models.
_WITH_MODELS = ("classify", "train")
# Distributions of which the first that is installed counts.
_RUNTIMES = ("onnxruntime-gpu", "onnxruntime")


@dataclass(frozen=True)
class Queue:
    """What waits in a queue, and who works on it; `workers` None: Redis is away, nobody knows."""

    name: str
    waiting: Waiting
    workers: int | None
    devices: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Now:
    """The queues, the questions to people, and what was found out about each part."""

    queues: list[Queue]
    questions: list[Waiting]
    findings: list[Finding]
    # What is installed here: name and version.
    versions: list[tuple[str, str]]


@dataclass(frozen=True)
class _Workers:
    counts: dict[str, int]
    devices: dict[str, dict[str, int]]
    releases: set[str]


def look(session: Session, client: redis.Redis, settings: Settings) -> Now:
    """Return how it does now. Raises Unavailable when the database is away."""
    waiting = {one.queue: one for one in numbers.waiting(session)}
    known = facts.several(session, (facts.DEVICE, facts.WEIGHTS))
    found, away = _workers(client)
    findings = [
        places.disk(settings),
        Finding("ok", "database", f"{_database(session)} answers."),
        *_processes(found, away, settings),
        *machine.known(known.get(facts.DEVICE), known.get(facts.WEIGHTS)),
        outside.secret(settings),
    ]
    queues = [
        Queue(
            name,
            waiting.pop(name),
            None if found is None else found.counts[name],
            {} if found is None else found.devices.get(name, {}),
        )
        for name in QUEUES
    ]
    return Now(queues, list(waiting.values()), findings, _versions(session))


def _workers(client: redis.Redis) -> tuple[_Workers | None, str]:
    """Return who works, or why nobody knows."""
    try:
        names = (*QUEUES, presence.CLOCK)
        counts = {name: presence.count(client, name) for name in names}
        devices = {name: presence.devices(client, name) for name in _WITH_MODELS}
        return _Workers(counts, devices, checks.running_releases(client)), ""
    except redis.RedisError as error:
        return None, str(error)


def _processes(found: _Workers | None, away: str, settings: Settings) -> Sequence[Finding]:
    if found is None:
        return [checks.of_redis(settings, away)]
    # Without a Redis of its own this process was started by `colabel up`, which restarts what dies.
    up = not settings.redis_url
    queues = {name: found.counts[name] for name in QUEUES}
    return [
        checks.of_redis(settings),
        checks.of_workers(queues, up),
        checks.of_clocks(found.counts[presence.CLOCK], up),
        checks.of_releases(found.releases),
    ]


def _database(session: Session) -> str:
    dialect = session.connection().dialect
    if dialect.name == "sqlite":
        return "SQLite"
    parts = dialect.server_version_info or ()
    return f"PostgreSQL {'.'.join(map(str, parts))}"


def _versions(session: Session) -> list[tuple[str, str]]:
    found = [("colabel", version("colabel")), ("Python", platform.python_version())]
    if session.connection().dialect.name == "sqlite":
        found.append(("SQLite", sqlite3.sqlite_version))
    for name in _RUNTIMES:
        try:
            found.append(("ONNX Runtime", version(name)))
        except PackageNotFoundError:
            continue
        break
    return found
