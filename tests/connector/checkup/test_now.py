"""How the service does at this moment, on either database and without Redis."""

from __future__ import annotations

from contextlib import closing
from importlib.metadata import version

from colours import picture

from connector.checkup import machine, now
from connector.db import Database
from connector.domain import predictions
from connector.domain.predictions import SourceRef, Submission
from connector.jobs import QUEUES, connect
from connector.settings import Settings
from workers.runtime import Runtime


def test_what_waits_and_what_is_known(rt: Runtime, api_source: SourceRef) -> None:
    predictions.submit(
        rt.database,
        rt.blobs,
        rt.settings,
        source=api_source,
        submission=Submission(picture("red"), "red.png"),
    )
    found = look(rt.database, rt.settings)
    assert [one.name for one in found.queues] == list(QUEUES)
    assert [one.waiting.count for one in found.queues] == [1, 0, 0, 0]
    assert {one.workers for one in found.queues} == {None}
    status = {one.part: one.status for one in found.findings}
    assert status["database"] == "ok"
    assert status["redis"] == "fail"
    kind = "SQLite" if rt.database.is_sqlite else "PostgreSQL"
    assert any(kind in one.sentence for one in found.findings)
    assert ("colabel", version("colabel")) in found.versions


def look(database: Database, settings: Settings) -> now.Now:
    with closing(connect(settings.redis_url)) as client, database.read() as session:
        return now.look(session, client, settings)


def test_what_workers_said_of_their_machine() -> None:
    nobody = list(machine.known(None, None))
    assert [one.status for one in nobody] == ["ok", "ok"]
    device = {"device": "cuda", "sentence": "Pictures are classified on the GPU (CUDA)."}
    weights = {"available": False, "sentence": "There are none."}
    found = list(machine.known(device, weights))
    assert [(one.part, one.status) for one in found] == [("device", "ok"), ("weights", "warn")]
    assert found[0].sentence == device["sentence"]
