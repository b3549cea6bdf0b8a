"""The checks of the service: each looks at one part and says what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from importlib.metadata import version

import redis
from sqlalchemy.exc import SQLAlchemyError

from connector import presence
from connector.checkup import outside, places
from connector.checkup.finding import Finding
from connector.checkup.processes import service_runs, workers_of
from connector.db import Database
from connector.embedded import redis_url
from connector.errors import ColabelError
from connector.jobs import QUEUES, connect
from connector.logs import redact
from connector.settings import Settings


def run(settings: Settings) -> Iterator[Finding]:
    """Check every part of the service, the ones that others stand on first.

    What this machine computes with is `machine`'s to say.
    """
    folder = places.data_folder(settings)
    yield folder
    if folder.status == "fail":
        return
    yield places.disk(settings)
    if folder.status == "ok":
        yield places.storage(settings)
    yield database(settings)
    running = service_runs(settings)
    yield service(settings, running)
    queues = redis_server(settings, running)
    yield queues
    if queues.status == "ok":
        yield workers(settings, running)
        yield clock(settings, running)
        yield release(settings)
    yield from outside.run(settings, running)


def database(settings: Settings) -> Finding:
    """Does it answer, and has it this release's tables?"""
    # Here, so that the web process, which offers this check, does not load Alembic for the others.
    from connector.db.migrate import revisions

    shown = redact(settings.database)
    if settings.database.startswith("sqlite") and not settings.data_dir.exists():
        return Finding("warn", "database", "SQLite, not made yet; `colabel up` makes it.")
    opened = Database(settings.database)
    try:
        current, newest = revisions(opened)
    except (SQLAlchemyError, ColabelError) as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        return Finding(
            "fail",
            "database",
            f"{shown} does not answer ({reason}); check that it runs and DATABASE_URL is right.",
        )
    finally:
        opened.close()
    if current != newest:
        return Finding(
            "warn",
            "database",
            f"{shown} is at revision {current or 'none'}, this release needs {newest}; "
            "run `colabel db upgrade` (`colabel up` does it by itself).",
        )
    return Finding("ok", "database", f"{shown}, revision {current}.")


def service(settings: Settings, running: bool) -> Finding:
    """Does `colabel up` run here?"""
    if running:
        return Finding("ok", "service", "`colabel up` runs on this data folder.")
    if settings.redis_url:
        return Finding("ok", "service", "Not `colabel up`: processes of their own (REDIS_URL).")
    return Finding("warn", "service", "Not running; start it with `colabel up`.")


def redis_server(settings: Settings, running: bool) -> Finding:
    """Does the Redis that rings for work answer?"""
    connection = connect(redis_url(settings))
    try:
        connection.ping()
    except redis.RedisError as error:
        if not settings.redis_url and not running:
            return Finding("warn", "redis", "Comes with `colabel up`, which does not run now.")
        return of_redis(settings, str(error))
    finally:
        connection.close()
    return of_redis(settings)


def of_redis(settings: Settings, reason: str = "") -> Finding:
    """Say what it means that Redis answers, or that it does not for this reason."""
    shown = redact(redis_url(settings))
    if reason:
        return Finding(
            "fail",
            "redis",
            f"{shown} does not answer ({reason}); nothing is lost meanwhile, but nothing is "
            "done either. Start it again, or correct REDIS_URL.",
        )
    return Finding("ok", "redis", f"{shown} answers; it need not keep anything on disk.")


def workers(settings: Settings, running: bool) -> Finding:
    """Does every queue have a worker?"""
    return of_workers({queue: workers_of(settings, queue) or 0 for queue in QUEUES}, running)


def of_workers(counts: Mapping[str, int], running: bool) -> Finding:
    """Say what it means that each queue has so many workers."""
    said = ", ".join(f"{queue} {count}" for queue, count in counts.items())
    idle = [queue for queue, count in counts.items() if not count]
    if idle and running:
        return Finding(
            "warn",
            "workers",
            f"{said}: `colabel up` is still starting those without one, or restarts them; look "
            "again in a minute, and at its log if that does not help.",
        )
    if idle:
        commands = ", ".join(f"`colabel worker {queue}`" for queue in idle)
        return Finding(
            "fail", "workers", f"{said}: nobody works on {', '.join(idle)}; run {commands}."
        )
    return Finding("ok", "workers", f"{said}.")


def clock(settings: Settings, running: bool) -> Finding:
    """Does the clock run? It rings for what was left behind, and deletes what is due."""
    return of_clocks(workers_of(settings, presence.CLOCK) or 0, running)


def of_clocks(count: int, running: bool) -> Finding:
    """Say what it means that so many clocks run."""
    if count:
        return Finding("ok", "clock", "It runs.")
    if running:
        return Finding(
            "warn", "clock", "`colabel up` is still starting it; look again in a minute."
        )
    return Finding(
        "fail", "clock", "Nobody rings for what a crash left behind; run `colabel clock`."
    )


def release(settings: Settings) -> Finding:
    """Do all processes run the release that is installed here?"""
    with closing(connect(redis_url(settings))) as client:
        try:
            return of_releases(running_releases(client))
        except redis.RedisError as error:
            said = f"{version('colabel')}; of the others nothing is known ({error})."
            return Finding("warn", "release", said)


def running_releases(client: redis.Redis) -> set[str]:
    """Return which releases the living workers and clocks run. Raises redis.RedisError."""
    queues = (*QUEUES, presence.CLOCK)
    return set().union(*(presence.releases(client, queue) for queue in queues))


def of_releases(found: Collection[str]) -> Finding:
    """Say what it means that the others run these releases."""
    mine = version("colabel")
    if others := sorted(set(found) - {mine}):
        return Finding(
            "warn",
            "release",
            f"{mine} here, but there are workers of {', '.join(others)}: end the upgrade by "
            "restarting them.",
        )
    return Finding("ok", "release", f"{mine}, everywhere.")
