"""Rules, what they do, taking it back, reviews and webhooks over HTTP."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from colours import picture

from workers import classify
from workers.runtime import Runtime

COPY = {"kind": "copy", "params": {"folder": "kept/{label}"}}
MOVE = {"kind": "move", "params": {"folder": "sorted/{label}"}}


def rule(caller: Caller, job: Any, *actions: dict[str, Any], label: str | None = None) -> Any:
    response = caller.post(f"{job.path}/rules", json={"label": label, "actions": list(actions)})
    assert response.status_code == 201, response.text
    return response.json


def answered(caller: Caller, job: Any, colour: str = "red") -> Any:
    response = caller.post(f"{job.path}/predictions?wait=20", data=picture(colour))
    assert response.status_code == 200, response.text
    return response.json


def acted(caller: Caller, prediction: Any) -> Any:
    """Return the prediction's actions once the workers have carried them out."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        shown = caller.get(f"/api/v1/predictions/{prediction['id']}").json or {}
        if shown["actions"] and all(one["status"] != "planned" for one in shown["actions"]):
            return shown["actions"]
        time.sleep(0.02)
    raise AssertionError("the actions were not carried out in time")


def test_rules_are_made_listed_changed_and_taken_out(as_alice: Caller, job: Any) -> None:
    made = rule(as_alice, job, COPY, label="red")
    path = f"{job.path}/rules/{made['id']}"
    assert (made["version"], made["label"], made["actions"][0]["kind"]) == (1, "red", "copy")
    changed = as_alice("PATCH", path, json={"enabled": False}).json or {}
    assert (changed["version"], changed["enabled"], changed["label"]) == (2, False, "red")
    any_label = as_alice("PATCH", path, json={"label": None}).json or {}
    assert any_label["label"] is None
    nothing = {"actions": None, "position": None, "enabled": None}
    same = as_alice("PATCH", path, json=nothing).json or {}
    assert {**same, "version": 3, "created_at": any_label["created_at"]} == any_label
    listed = as_alice.get(f"{job.path}/rules").json or {}
    assert listed["items"] == [same] == [as_alice.get(path).json]
    assert as_alice("DELETE", path).status_code == 204
    assert as_alice.get(path).status_code == 404


def test_a_rule_may_ask_for_more_than_a_label(as_alice: Caller, job: Any) -> None:
    [hook] = [
        one
        for one in (as_alice.get(f"{job.path}/sources").json or {})["items"]
        if one["kind"] == "hook"
    ]
    when = {"labels": ["red", "blue"], "min_confidence": 0.5, "sources": [hook["name"]]}
    wanted = {"when": when, "actions": [COPY]}
    preview = as_alice.post(f"{job.path}/rules/preview", json=wanted).json or {}
    assert preview["when"] == {**when, "sources": [hook["id"]]}
    assert preview["sentence"].startswith("When the answer is “red” or “blue”, and the model was")
    made = as_alice.post(f"{job.path}/rules", json=wanted).json or {}
    assert (made["label"], made["when"]) == (None, preview["when"])
    path = f"{job.path}/rules/{made['id']}"
    narrowed = as_alice("PATCH", path, json={"when": {"labels": ["red"]}}).json or {}
    assert (narrowed["label"], narrowed["when"]) == ("red", {"labels": ["red"]})
    as_alice("PATCH", path, json={"when": when})
    same = as_alice("PATCH", path, json={"position": 4}).json or {}
    assert same["when"] == preview["when"]
    assert as_alice("DELETE", path).status_code == 204
    versions = (as_alice.get(f"{path}/versions").json or {})["items"]
    assert [one["version"] for one in versions] == [4, 3, 2, 1]
    assert [one["current"] for one in versions] == [False] * 4


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"label": "red", "when": {"labels": ["blue"]}}, "bad_condition"),
        ({"when": {"labels": ["violet"]}}, "unknown_label"),
        ({"when": {"sources": ["nobody"]}}, "bad_condition"),
        ({"when": {"min_confidence": 2}}, "invalid_values"),
    ],
)
def test_conditions_that_cannot_be_are_refused(
    as_alice: Caller, job: Any, wanted: dict[str, Any], code: str
) -> None:
    for path in (f"{job.path}/rules", f"{job.path}/rules/preview"):
        refused = as_alice.post(path, json={**wanted, "actions": [COPY]})
        assert (refused.status_code, refused.json["code"]) == (422, code)


def test_only_pictures_that_meet_the_conditions_are_acted_on(
    as_alice: Caller, job: Any, workers: None
) -> None:
    when = {"labels": ["red"], "metadata": {"camera": "2"}, "decided_by": "model"}
    as_alice.post(f"{job.path}/rules", json={"when": when, "actions": [COPY]})
    acted_on = {}
    for camera in (1, 2):
        body = {
            "image": (io.BytesIO(picture("red", seed=camera)), "a.png"),
            "metadata": f'{{"camera": {camera}}}',
        }
        response = as_alice.post(f"{job.path}/predictions?wait=20", data=body)
        assert response.status_code == 200, response.text
        acted_on[camera] = [one["kind"] for one in (response.json or {})["actions"]]
    assert acted_on == {1: [], 2: ["copy"]}


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"actions": []}, "invalid_values"),
        ({"actions": [{"kind": "shred"}]}, "unknown_action"),
        ({"actions": [{"kind": "copy", "params": {"folder": "{x.__class__}"}}]}, None),
        ({"actions": [{"kind": "copy", "params": {"folder": "/etc"}}]}, None),
        ({"actions": [COPY], "label": "purple"}, "unknown_label"),
        ({"actions": [COPY], "colour": "red"}, "invalid_values"),
    ],
)
def test_bad_rules_are_refused_by_making_and_by_preview(
    as_alice: Caller, job: Any, wanted: dict[str, Any], code: str | None
) -> None:
    for path in ("rules", "rules/preview"):
        response = as_alice.post(f"{job.path}/{path}", json=wanted)
        assert response.status_code in (400, 422), response.text
        assert code is None or (response.json or {})["code"] == code
    assert (as_alice.get(f"{job.path}/rules").json or {})["items"] == []


def test_a_preview_says_what_a_rule_would_do(as_alice: Caller, job: Any) -> None:
    wanted = {"label": "red", "actions": [COPY, MOVE]}
    shown = as_alice.post(f"{job.path}/rules/preview", json=wanted).json or {}
    assert [one["kind"] for one in shown["actions"]] == ["copy", "move"]
    assert all(one["sentence"] for one in shown["actions"])
    assert (as_alice.get(f"{job.path}/rules").json or {})["items"] == []


def test_an_action_is_taken_back(
    as_alice: Caller, as_charlie: Caller, job: Any, workers: None
) -> None:
    rule(as_alice, job, COPY)
    (action,) = acted(as_alice, answered(as_alice, job))
    assert (action["status"], action["undoable"]) == ("done", True)
    copy = Path(action["detail"]["to"])
    assert copy.read_bytes() == picture("red")
    path = f"/api/v1/actions/{action['id']}"
    assert as_charlie.get(path).status_code == 404
    assert as_charlie.post(f"{path}/undo").status_code == 404
    undone = as_alice.post(f"{path}/undo")
    assert undone.status_code == 200
    assert (undone.json or {})["status"] == "undone"
    assert not copy.exists()
    assert as_alice.post(f"{path}/undo").status_code == 200


def test_a_changed_file_is_not_taken_back_and_the_answer_says_so(
    as_alice: Caller, job: Any, workers: None
) -> None:
    rule(as_alice, job, COPY)
    (action,) = acted(as_alice, answered(as_alice, job))
    copy = Path(action["detail"]["to"])
    copy.write_bytes(b"somebody wrote here")
    refused = as_alice.post(f"/api/v1/actions/{action['id']}/undo")
    assert refused.status_code == 409
    assert copy.name in (refused.json or {})["detail"]
    assert (refused.json or {})["action"]["id"] == action["id"]
    assert copy.read_bytes() == b"somebody wrote here"


def test_all_of_a_picture_is_taken_back(as_alice: Caller, job: Any, workers: None) -> None:
    rule(as_alice, job, COPY, MOVE)
    prediction = answered(as_alice, job)
    paths = [Path(one["detail"]["to"]) for one in acted(as_alice, prediction)]
    assert all(path.exists() for path in paths)
    undone = as_alice.post(f"/api/v1/predictions/{prediction['id']}/undo")
    assert undone.status_code == 200
    assert [one["status"] for one in (undone.json or {})["items"]] == ["undone", "undone"]
    assert not any(path.exists() for path in paths)


def test_what_is_not_done_cannot_be_undone(as_alice: Caller, job: Any, rt: Runtime) -> None:
    rule(as_alice, job, COPY)
    sent = as_alice.post(f"{job.path}/predictions", data=picture("red")).json or {}
    classify.step(rt)
    (action,) = (as_alice.get(f"/api/v1/predictions/{sent['id']}").json or {})["actions"]
    assert action["status"] == "planned"
    response = as_alice.post(f"/api/v1/actions/{action['id']}/undo")
    assert (response.status_code, (response.json or {})["code"]) == (409, "not_undoable")


def test_an_unsure_answer_is_asked_and_answered_once(
    as_alice: Caller, as_bob: Caller, as_charlie: Caller, job: Any, workers: None
) -> None:
    asked = answered(as_alice, job, "grey")
    assert asked["status"] == "needs_review"
    path = f"/api/v1/reviews/{asked['review_id']}"
    assert asked["review_url"].endswith(path)
    (listed,) = (as_bob.get("/api/v1/reviews").json or {})["items"]
    assert listed == as_bob.get(path).json
    assert (as_charlie.get("/api/v1/reviews").json or {})["items"] == []
    assert as_charlie.get(path).status_code == 404
    assert as_charlie.post(f"{path}/answer", json={"label": "red"}).status_code == 404
    unknown = as_bob.post(f"{path}/answer", json={"label": "purple"})
    assert (unknown.status_code, (unknown.json or {})["code"]) == (422, "unknown_label")
    done = as_bob.post(f"{path}/answer", json={"label": "red"})
    assert done.status_code == 200
    assert ((done.json or {})["state"], (done.json or {})["answered_by"]) == (
        "answered",
        "Bob's key",
    )
    late = as_alice.post(f"{path}/answer", json={"label": "blue"})
    assert (late.status_code, (late.json or {})["code"]) == (409, "already_answered")
    decided = as_alice.get(f"/api/v1/predictions/{asked['id']}").json or {}
    assert (decided["label"], decided["decided_by"]) == ("red", "person")
    assert (as_alice.get("/api/v1/reviews").json or {})["items"] == []
    assert len((as_alice.get("/api/v1/reviews?state=answered").json or {})["items"]) == 1


def test_webhooks_are_made_with_a_secret_and_ended(as_alice: Caller, as_charlie: Caller) -> None:
    wanted = {"url": "https://93.184.216.34/hook", "event_types": ["prediction.completed"]}
    made = as_alice.post("/api/v1/webhooks", json=wanted)
    assert made.status_code == 201
    shown = made.json or {}
    secret = shown.pop("secret")
    assert secret.startswith("whsec_")
    path = f"/api/v1/webhooks/{shown['id']}"
    assert as_alice.get(path).json == shown
    assert (as_alice.get("/api/v1/webhooks").json or {})["items"] == [shown]
    assert (as_charlie.get("/api/v1/webhooks").json or {})["items"] == []
    assert as_charlie("DELETE", path).status_code == 404
    assert as_alice("DELETE", path).status_code == 204
    assert as_alice.get(path).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"url": "http://127.0.0.1/", "event_types": ["model.promoted"]}, "forbidden_address"),
        ({"url": "ftp://example.com/", "event_types": ["model.promoted"]}, "invalid_url"),
        ({"url": "https://93.184.216.34/", "event_types": ["all"]}, "unknown_event_type"),
        ({"url": "https://93.184.216.34/", "event_types": []}, "invalid_values"),
    ],
)
def test_bad_webhooks_are_refused(as_alice: Caller, wanted: dict[str, Any], code: str) -> None:
    response = as_alice.post("/api/v1/webhooks", json=wanted)
    assert response.status_code == 422
    assert (response.json or {})["code"] == code
