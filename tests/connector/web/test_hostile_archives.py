"""Hostile archives through the real service: each import ends, and nothing is written outside."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from documented import codes
from hostile.archives import archives

from connector.db import Database
from connector.domain import imports
from connector.errors import ColabelError
from connector.settings import Settings
from connector.storage import LocalBlobs

CPU_SECONDS = 3.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Take pictures of up to 4 MB, of few pixels."""
    return settings.model_copy(update={"max_upload_bytes": 4_000_000, "max_pixels": 10_000_000})


def test_there_are_enough_of_them() -> None:
    assert len(archives()) >= 60


def test_every_import_ends_and_nothing_is_written_outside(
    as_alice: Caller, database: Database, blobs: LocalBlobs, settings: Settings, tmp_path: Path
) -> None:
    made = as_alice.post("/api/v1/classifiers", json={"name": "new", "recipe": "sort"}).json or {}
    path = f"/api/v1/classifiers/{made['id']}/imports"
    outcomes: dict[str, str] = {}
    for name, data in archives().items():
        started = time.thread_time()
        response = as_alice.post(path, data=data, content_type="application/zip")
        if response.status_code == 202:
            _run(database, blobs, settings)
            shown = as_alice.get(f"{path}/{(response.json or {})['id']}").json or {}
            outcomes[name] = _checked(name, shown)
        else:
            assert response.status_code in (400, 413, 415, 422), (name, response.data)
            assert (response.json or {})["code"] in codes(), (name, response.json)
            outcomes[name] = "refused"
        assert time.thread_time() - started < CPU_SECONDS, name
    assert {"done", "failed", "refused"} == set(outcomes.values())
    # One good picture came in with each that can be read at all.
    assert outcomes["a file named '../../outside.png'"] == "done"
    assert [path for path in tmp_path.rglob("*") if "outside" in path.name] == []
    everything = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert everything == {"data"}


def _run(database: Database, blobs: LocalBlobs, settings: Settings) -> None:
    """What the worker does with an import."""
    with database.write() as session:
        claimed = imports.claim(session, 60)
    assert claimed is not None
    try:
        imports.run_zip(database, blobs, settings, claimed)
    except ColabelError as error:
        imports.fail(database, blobs, claimed, error.code, error.detail)


def _checked(name: str, shown: dict[str, Any]) -> str:
    assert shown["status"] in ("done", "failed"), name
    for problem in shown.get("problems", []):
        assert problem["code"] in codes(), (name, problem)
        assert problem["reason"][0].isupper(), (name, problem)
    if shown["status"] == "failed":
        assert shown["error"]["code"] in codes(), (name, shown)
        assert shown["error"]["detail"][0].isupper(), (name, shown)
    return str(shown["status"])
