"""Is it up, and can it take pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import redis
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from connector.db.tables import Prediction
from connector.errors import ColabelError, NoSpace, Unavailable
from connector.web.operations import Answer, Api
from connector.web.schemas.health import Health, Readiness
from connector.web.services import Services, services

health = Api("health", __name__, tag="Health")


@health.operation(
    "GET",
    "/healthz",
    "Is the web process up",
    scope=None,
    answers={200: Answer("It is", Health)},
)
def healthz() -> ResponseReturnValue:
    """Looks at nothing else."""
    return {"status": "ok"}


@health.operation(
    "GET",
    "/readyz",
    "Can pictures be taken",
    scope=None,
    answers={200: Answer("They can; a part that only slows things down may be away", Readiness)},
    errors=(503,),
)
def readyz() -> ResponseReturnValue:
    """503 when the database, the disk or the storage cannot take anything. Redis is only the
    doorbell: without it pictures are accepted and answered later, so it counts as degraded.
    """
    here = services()
    checks = {"database": _check(_database, here), "disk": _check(_disk, here)}
    checks["storage"] = _check(_storage, here)
    broken = [check["detail"] for check in checks.values() if check["status"] == "fail"]
    checks["redis"] = _check(_redis, here)
    if broken:
        raise Unavailable(" ".join(broken), code="not_ready", retry_after=5, checks=checks)
    degraded = checks["redis"]["status"] != "ok"
    return {"status": "degraded" if degraded else "ready", "checks": checks}


def _check(check: Callable[[Services], None], here: Services) -> dict[str, str]:
    try:
        check(here)
    except ColabelError as error:
        return {"status": "fail", "detail": error.detail}
    return {"status": "ok", "detail": ""}


def _database(here: Services) -> None:
    with here.database.read() as session:
        session.execute(select(Prediction.id).limit(1))


def _disk(here: Services) -> None:
    folder = here.settings.data_dir
    while not folder.exists():
        folder = folder.parent
    if shutil.disk_usage(folder).free < here.settings.min_free_bytes:
        raise NoSpace(
            f"The disk that holds {here.settings.data_dir} is nearly full; free some space."
        )


def _storage(here: Services) -> None:
    here.blobs.exists("0" * 64)


def _redis(here: Services) -> None:
    try:
        here.bells.client.ping()
    except redis.RedisError as error:
        raise Unavailable(
            "Redis is away; pictures are accepted and will be answered once it is back."
        ) from error
