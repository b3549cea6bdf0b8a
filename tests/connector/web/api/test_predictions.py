"""Pictures in by the API, answers out."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

from caller import Caller
from colours import picture

RED = picture("red")
ON_BOTH_DATABASES = True


def submit(caller: Caller, job: Any, colour: str = "red", *, seed: int = 0, **options: Any) -> Any:
    data = picture(colour, seed=seed)
    response = caller.post(f"{job.path}/predictions", data=data, query_string=options)
    assert response.status_code in (200, 202), response.text
    return response.json


def test_the_three_forms_say_the_same(as_alice: Caller, job: Any) -> None:
    path = f"{job.path}/predictions"
    said = {"name": "scan.png", "external_id": "order 7", "metadata": {"page": 1}}
    text = {**said, "metadata": json.dumps(said["metadata"])}
    forms = [
        {"data": RED, "content_type": "image/png", "query_string": text},
        {"data": {**text, "image": (io.BytesIO(RED), "other.png")}},
        {"json": {**said, "image_base64": base64.b64encode(RED).decode()}},
        {"json": {"image_base64": base64.b64encode(RED).decode()}, "query_string": text},
    ]
    for form in forms:
        response = as_alice.post(path, **form)  # type: ignore[arg-type]
        assert response.status_code == 202, response.text
        shown = response.json or {}
        assert {name: shown[name] for name in said} == said
        assert response.headers["Location"] == shown["url"]


def test_waiting_gives_the_answer(as_alice: Caller, job: Any, workers: None) -> None:
    response = as_alice.post(f"{job.path}/predictions?wait=20", data=RED)
    assert response.status_code == 200
    shown = response.json or {}
    assert (shown["status"], shown["label"], shown["model_version"]) == ("done", "red", 1)
    assert shown["confidence"] > 0.9
    assert shown["decided_at"] >= shown["created_at"]


def test_waiting_without_a_worker_ends_with_202(as_alice: Caller, job: Any) -> None:
    response = as_alice.post(f"{job.path}/predictions?wait=0.1", data=RED)
    assert response.status_code == 202
    assert (response.json or {})["status"] == "queued"


def test_waiting_has_bounds(as_alice: Caller, job: Any) -> None:
    for wait in ("61", "-1", "soon", "nan"):
        response = as_alice.post(f"{job.path}/predictions?wait={wait}", data=RED)
        assert response.status_code == 422
        assert "wait" in (response.json or {})["detail"]


def test_a_repeat_is_answered_with_the_first_one(
    as_alice: Caller, job: Any, drain: Callable[[], None]
) -> None:
    key = {"Idempotency-Key": "order-7"}
    first = as_alice.post(f"{job.path}/predictions", data=RED, headers=key).json or {}
    drain()
    again = as_alice.post(f"{job.path}/predictions", data=RED, headers=key)
    assert again.status_code == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.json or {})["id"] == first["id"]
    assert (again.json or {})["status"] == "done"


def test_predictions_are_listed_by_page_and_filter(
    as_alice: Caller, job: Any, drain: Callable[[], None]
) -> None:
    ids = [submit(as_alice, job, seed=seed, external_id=f"e{seed % 2}")["id"] for seed in range(5)]
    drain()
    first = as_alice.get("/api/v1/predictions?limit=3").json or {}
    rest = as_alice.get(f"/api/v1/predictions?limit=3&cursor={first['next_cursor']}").json or {}
    assert [one["id"] for one in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    odd = as_alice.get("/api/v1/predictions?external_id=e1").json or {}
    assert [one["id"] for one in odd["items"]] == [ids[3], ids[1]]
    assert (as_alice.get("/api/v1/predictions?status=queued").json or {})["items"] == []
    mine = as_alice.get(f"/api/v1/predictions?classifier_id={job.id}&status=done").json or {}
    assert len(mine["items"]) == 5


def test_bad_queries_are_refused(as_alice: Caller) -> None:
    for query in ("limit=0", "limit=101", "status=x", "cursor=x", "colour=red"):
        response = as_alice.get(f"/api/v1/predictions?{query}")
        assert response.status_code in (400, 422)
        assert query.partition("=")[0] in (response.json or {})["detail"]


def test_the_picture_comes_back_byte_for_byte(as_alice: Caller, job: Any) -> None:
    shown = submit(as_alice, job, name="röntgen 1.png")
    response = as_alice.get(f"/api/v1/predictions/{shown['id']}/image")
    assert response.data == RED
    assert response.mimetype == "image/png"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert "filename*=UTF-8''r%C3%B6ntgen%201.png" in response.headers["Content-Disposition"]


def test_only_a_failed_prediction_is_tried_again(
    as_alice: Caller, job: Any, drain: Callable[[], None], blobs: Any
) -> None:
    shown = submit(as_alice, job)
    refused = as_alice.post(f"/api/v1/predictions/{shown['id']}/retry")
    assert refused.status_code == 409
    blobs.delete(shown["location"]["sha256"])
    drain()
    failed = as_alice.get(f"/api/v1/predictions/{shown['id']}").json or {}
    assert failed["status"] == "failed"
    assert failed["error"]["detail"]
    blobs.put(RED)
    assert as_alice.post(f"/api/v1/predictions/{shown['id']}/retry").status_code == 202
    drain()
    assert (as_alice.get(f"/api/v1/predictions/{shown['id']}").json or {})["status"] == "done"


def test_bob_sees_what_alice_sent_and_charlie_nothing(
    as_alice: Caller, as_bob: Caller, as_charlie: Caller, job: Any
) -> None:
    shown = submit(as_alice, job)
    path = f"/api/v1/predictions/{shown['id']}"
    assert (as_bob.get(path).json or {})["id"] == shown["id"]
    for response in (
        as_charlie.get(path),
        as_charlie.get(f"{path}/image"),
        as_charlie.post(f"{path}/retry"),
        as_charlie.post(f"{path}/undo"),
        as_charlie.post(f"{job.path}/predictions", data=RED),
    ):
        assert response.status_code == 404
        assert (response.json or {})["code"] == "not_found"
    assert (as_charlie.get("/api/v1/predictions").json or {})["items"] == []
    filtered = as_charlie.get(f"/api/v1/predictions?classifier_id={job.id}").json or {}
    assert filtered["items"] == []
