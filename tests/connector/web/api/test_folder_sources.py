"""Watched folders over the API: made, changed, scanned, and nobody else's business."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from caller import Caller

from connector.domain import folders
from connector.settings import Settings


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Allow one folder."""
    (tmp_path / "in").mkdir()
    return settings.model_copy(update={"folders": [tmp_path / "in"]})


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Any]:
    """What makes a watched folder."""
    return {"name": "Scans", "kind": "folder", "settings": {"path": str(tmp_path / "in")}}


@pytest.fixture
def path(job: Any) -> str:
    """The sources of Alice's classifier."""
    return f"{job.path}/sources"


def test_a_folder_is_watched_changed_and_deleted(
    as_alice: Caller, path: str, wanted: dict[str, Any], tmp_path: Path
) -> None:
    made = as_alice.post(path, json={**wanted, "take_existing": True})
    assert made.status_code == 201
    source = made.json or {}
    assert source["kind"] == "folder"
    assert source["hook_url"] is None
    assert source["settings"]["path"] == str(tmp_path / "in")
    assert source["settings"]["recursive"] is True
    assert ".jpeg" in source["settings"]["suffixes"]
    assert source["watching"]["state"] == "starting"
    one = f"{path}/{source['id']}"
    changed = {"path": str(tmp_path / "in" / "sub"), "recursive": False, "suffixes": [".png"]}
    answer = as_alice("PATCH", one, json={"settings": changed})
    assert (answer.json or {})["settings"] == changed
    assert as_alice.post(f"{one}/scan").status_code == 200
    assert as_alice("DELETE", one).status_code == 204
    assert as_alice.get(one).status_code == 404
    assert as_alice.post(path, json=wanted).status_code == 201


def test_only_what_the_operator_allowed_is_watched(
    as_alice: Caller, path: str, wanted: dict[str, Any], settings: Settings, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "in" / "link").symlink_to(outside)
    data = settings.data_dir
    for folder in (outside, tmp_path / "in" / "link", tmp_path, data, data / "blobs", Path("/")):
        answer = as_alice.post(path, json={**wanted, "settings": {"path": str(folder)}})
        assert (answer.status_code, (answer.json or {})["code"]) == (422, "folder_not_allowed")
    source = as_alice.post(path, json=wanted).json or {}
    answer = as_alice("PATCH", f"{path}/{source['id']}", json={"settings": {"path": str(outside)}})
    assert (answer.json or {})["code"] == "folder_not_allowed"


def test_each_workspace_may_watch_its_own_sorted_folder(
    as_alice: Caller,
    as_charlie: Caller,
    alice: Any,
    path: str,
    wanted: dict[str, Any],
    settings: Settings,
    database: Any,
) -> None:
    own = folders.sorted_dir(database, settings, alice.workspace_id)
    hers = {**wanted, "settings": {"path": str(own / "colours")}}
    assert as_alice.post(path, json=hers).status_code == 201
    his = as_charlie.post("/api/v1/classifiers", json={"name": "c", "labels": ["x"]}).json or {}
    answer = as_charlie.post(f"/api/v1/classifiers/{his['id']}/sources", json=hers)
    assert (answer.json or {})["code"] == "folder_not_allowed"


def test_one_classifier_watches_a_folder_once(
    as_alice: Caller, path: str, wanted: dict[str, Any], tmp_path: Path
) -> None:
    assert as_alice.post(path, json=wanted).status_code == 201
    below = {"path": str(tmp_path / "in" / "sub")}
    answer = as_alice.post(path, json={**wanted, "name": "Other", "settings": below})
    assert (answer.status_code, (answer.json or {})["code"]) == (409, "folder_watched")


def test_what_works_for_one_kind_alone_says_so(
    as_alice: Caller, path: str, wanted: dict[str, Any]
) -> None:
    source = as_alice.post(path, json=wanted).json or {}
    hook = as_alice.post(path, json={"name": "Shop"}).json or {}
    calls = (
        (f"{path}/{source['id']}/rotate-token", {"json": {}}),
        (f"{path}/{source['id']}/test", {"json": {"image": "x"}}),
        (f"{path}/{hook['id']}/scan", {}),
    )
    for address, body in calls:
        answer = as_alice.post(address, **body)
        assert (answer.status_code, (answer.json or {})["code"]) == (409, "wrong_kind_of_source")
    for bad in ({"name": "x", "take_existing": True}, {**wanted, "settings": {}}):
        answer = as_alice.post(path, json=bad)
        assert (answer.status_code, (answer.json or {})["code"]) == (422, "bad_source_settings")


def test_charlie_neither_sees_nor_scans_it(
    as_alice: Caller, as_charlie: Caller, path: str, wanted: dict[str, Any]
) -> None:
    one = f"{path}/{(as_alice.post(path, json=wanted).json or {})['id']}"
    assert as_charlie.get(one).status_code == 404
    assert as_charlie.post(f"{one}/scan").status_code == 404
    assert as_charlie.post(path, json=wanted).status_code == 404
