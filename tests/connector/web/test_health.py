"""Health, readiness, and what is running as the front page shows it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from caller import Caller
from colours import picture
from redis import Redis
from rq import Queue
from rq.worker_registration import WORKERS_BY_QUEUE_KEY
from running import until

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
        page = app.test_client().get("/").text
        assert "is starting, or not running: colabel worker classify" in page
        assert "answers pictures" not in page
        client.sadd(WORKERS_BY_QUEUE_KEY % "classify", "a worker")
        assert "answers pictures" in app.test_client().get("/").text
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
