"""Undo in bulk over HTTP: looked at first, begun, followed; and only one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from colours import picture

COPY = {"kind": "copy", "params": {"folder": "kept"}}
ALERT = {"kind": "alert", "params": {"channel": "webhook", "message": "Look."}}
ROOT = "/api/v1/undos"


@pytest.fixture
def done(as_alice: Caller, job: Any, drain: Callable[[], None]) -> list[Any]:
    """What a rule did with three pictures: a copy and an alert each, the last first."""
    wanted = {"label": None, "actions": [COPY, ALERT]}
    assert as_alice.post(f"{job.path}/rules", json=wanted).status_code == 201
    for seed in range(3):
        as_alice.post(f"{job.path}/predictions", data=picture("red", seed=seed))
    drain()
    found: list[Any] = (as_alice.get("/api/v1/actions").json or {})["items"]
    assert [one["status"] for one in found] == ["done"] * 6
    return found


def copies(done: list[Any]) -> list[Path]:
    return [Path(one["detail"]["to"]) for one in done if one["kind"] == "copy"]


def test_a_dry_run_says_what_could_be_undone_and_changes_nothing(
    as_alice: Caller, done: list[Any], residue: Callable[[], dict[str, int]]
) -> None:
    before = residue()
    wanted = {"filter": {"rule_id": done[0]["rule_id"]}, "dry_run": True}
    response = as_alice.post(ROOT, json=wanted)
    assert response.status_code == 200
    said = response.json or {}
    assert (said["total"], said["undoable"], said["refused"]) == (6, 3, 3)
    assert set(said["actions"]) == {one["id"] for one in done if one["kind"] == "copy"}
    assert {one["code"] for one in said["refusals"]} == {"not_undoable"}
    assert residue() == before
    assert all(path.exists() for path in copies(done))


def test_everything_a_rule_did_is_undone_and_followed(
    as_alice: Caller, as_bob: Caller, done: list[Any], drain: Callable[[], None]
) -> None:
    copies(done)[0].write_bytes(b"somebody's work")
    response = as_bob.post(ROOT, json={"filter": {"rule_id": done[0]["rule_id"]}})
    assert response.status_code == 202
    begun = response.json or {}
    assert response.headers["Location"] == begun["url"]
    assert (begun["status"], begun["total"], begun["waiting"]) == ("running", 6, 3)
    assert (begun["filter"], begun["requested_by"]) == (
        {"rule_id": done[0]["rule_id"]},
        "Bob's key",
    )
    drain()
    path = f"{ROOT}/{begun['id']}"
    ended = as_alice.get(path).json or {}
    assert (ended["status"], ended["undone"], ended["refused"]) == ("done", 2, 4)
    codes = sorted(one["code"] for one in ended["refusals"])
    assert codes == ["file_changed", *["not_undoable"] * 3]
    listed: list[Any] = []
    cursor = ""
    while True:
        page = as_alice.get(f"{path}/refusals?limit=3{cursor}").json or {}
        listed += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(one["action_id"] for one in listed) == sorted(
        one["action_id"] for one in ended["refusals"]
    )
    del ended["refusals"]
    assert (as_alice.get(ROOT).json or {})["items"] == [ended]
    assert [path.exists() for path in copies(done)] == [True, False, False]


def test_a_selection_is_undone(
    as_alice: Caller, done: list[Any], drain: Callable[[], None]
) -> None:
    ids = [one["id"] for one in done if one["kind"] == "copy"][:2]
    begun = as_alice.post(ROOT, json={"actions": [*ids, ids[0]]}).json or {}
    assert (begun["total"], begun["filter"]) == (2, None)
    drain()
    assert (as_alice.get(f"{ROOT}/{begun['id']}").json or {})["undone"] == 2
    assert [path.exists() for path in copies(done)] == [False, False, True]


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ({}, 422, "invalid_values"),
        ({"actions": []}, 422, "invalid_values"),
        ({"actions": ["act_none"]}, 404, "not_found"),
        ({"actions": ["act_none"], "filter": {"kind": "copy"}}, 422, "invalid_values"),
        ({"filter": {}}, 422, "empty_filter"),
        ({"filter": {"kind": "fly"}}, 400, "unknown_action"),
        ({"filter": {"kind": "rotate"}}, 422, "nothing_to_undo"),
        ({"filter": {"since": "9:00"}}, 422, "invalid_values"),
        ({"filter": {"since": "9999-12-31T23:59:59-14:00"}}, 422, "invalid_values"),
        ({"filter": {"colour": "red"}}, 422, "invalid_values"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_makes_no_sense_is_refused_and_nothing_undone(
    as_alice: Caller, done: list[Any], wanted: Any, status: int, code: str, dry_run: bool
) -> None:
    response = as_alice.post(ROOT, json={**wanted, "dry_run": dry_run})
    assert (response.status_code, (response.json or {})["code"]) == (status, code)
    assert (as_alice.get(ROOT).json or {})["items"] == []


def test_too_many_at_once_are_refused(
    as_alice: Caller, done: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.domain.undo_selection.MOST", 5)
    response = as_alice.post(ROOT, json={"filter": {"rule_id": done[0]["rule_id"]}})
    assert (response.status_code, (response.json or {})["code"]) == (422, "too_many_actions")


def test_charlie_sees_and_undoes_nothing_of_alices(
    as_alice: Caller, as_charlie: Caller, done: list[Any], job: Any
) -> None:
    undo = as_alice.post(ROOT, json={"actions": [done[-1]["id"]]}).json or {}
    assert as_charlie.get(f"{ROOT}/{undo['id']}").status_code == 404
    assert as_charlie.get(f"{ROOT}/{undo['id']}/refusals").status_code == 404
    assert (as_charlie.get(ROOT).json or {})["items"] == []
    for wanted in (
        {"actions": [done[0]["id"]]},
        {"filter": {"rule_id": done[0]["rule_id"]}},
        {"filter": {"classifier_id": job.id}},
        {"filter": {"prediction_id": done[0]["prediction_id"]}},
        {"filter": {"since": "2020-01-01T00:00:00Z"}},
    ):
        for dry_run in (True, False):
            refused = as_charlie.post(ROOT, json={**wanted, "dry_run": dry_run})
            assert refused.status_code in (404, 422)
            assert (refused.json or {})["code"] in ("not_found", "nothing_to_undo")
    assert len((as_alice.get(ROOT).json or {})["items"]) == 1
