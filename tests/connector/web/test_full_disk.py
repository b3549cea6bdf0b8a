"""A full disk: nothing is accepted, everybody is told, and it goes on once there is room."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from caller import Caller
from colours import picture
from flask import Flask
from sqlalchemy import func, select

from connector.db import Database
from connector.db.tables import Example, Prediction
from connector.settings import Settings
from connector.storage import LocalBlobs


def rows(database: Database) -> int:
    with database.read() as session:
        return sum(
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Prediction, Example)
        )


def ways(as_alice: Caller, as_nobody: Caller, job: Any) -> list[Any]:
    """Hand a picture in by the hook, by the API, and as an example."""
    sent = {"data": picture("red", seed=5), "content_type": "image/png"}
    return [
        as_nobody.post(job.hook, **sent),
        as_alice.post(f"{job.path}/predictions", **sent),
        as_alice.post(f"{job.path}/examples", query_string={"label": "red"}, **sent),
    ]


def test_below_the_floor_nothing_is_taken(
    app: Flask, as_alice: Caller, as_nobody: Caller, job: Any, database: Database
) -> None:
    here = app.extensions["colabel"]
    scarce = LocalBlobs(here.settings.blobs_dir, min_free_bytes=1 << 60)
    kept = here.blobs
    object.__setattr__(here, "blobs", scarce)
    for refused in ways(as_alice, as_nobody, job):
        assert refused.status_code == 507
        assert refused.json["code"] == "no_space"
        assert "space" in refused.json["detail"]
    assert rows(database) == 0
    object.__setattr__(here, "blobs", kept)
    assert [one.status_code for one in ways(as_alice, as_nobody, job)] == [202, 202, 201]


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_fills_up_while_a_picture_is_written_leaves_nothing(
    as_alice: Caller,
    as_nobody: Caller,
    job: Any,
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        answers = ways(as_alice, as_nobody, job)
    assert [(one.status_code, one.json["code"]) for one in answers] == [(507, "no_space")] * 3
    assert rows(database) == 0
    assert [path for path in settings.blobs_dir.rglob(".*") if path.is_file()] == []
    assert [one.status_code for one in ways(as_alice, as_nobody, job)] == [202, 202, 201]
