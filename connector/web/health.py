"""Is it up, can it take pictures, and how much is going on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import redis
from flask import Response
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import REGISTRY
from sqlalchemy import func, select

from connector.db.tables import Action, Delivery, Prediction
from connector.errors import ColabelError, NoSpace, Unavailable
from connector.web.operations import Answer, Api
from connector.web.schemas.health import Health, Readiness
from connector.web.services import Services, services

health = Api("health", __name__, tag="Health")
OPEN = (
    ("colabel_predictions_queued", "Pictures that wait for an answer", Prediction, "queued"),
    ("colabel_actions_planned", "Actions that wait to be carried out", Action, "planned"),
    ("colabel_deliveries_pending", "Messages that wait to be sent", Delivery, "pending"),
)


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


@health.operation(
    "GET",
    "/metrics",
    "Numbers for Prometheus",
    scope=None,
    answers={200: Answer("In Prometheus' text format", media_type="text/plain")},
)
def metrics() -> ResponseReturnValue:
    """Counts only, over all workspaces; nothing of a picture."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        ProcessCollector(registry=registry)
    else:
        registry = REGISTRY
    text = generate_latest(registry) + generate_latest(_OpenWork(services()))
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class _OpenWork:
    """Counts what stands open in the database; each count is of a small partial index."""

    def __init__(self, here: Services) -> None:
        self._here = here

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge per kind of work."""
        for name, description, table, status in OPEN:
            columns: Any = table
            statement = select(func.count()).where(columns.status == status)
            if table is Action:
                statement = statement.where(columns.pending)
            with self._here.database.read() as session:
                yield GaugeMetricFamily(name, description, session.execute(statement).scalar_one())
