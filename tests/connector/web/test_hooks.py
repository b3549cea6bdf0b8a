"""Any tool hands pictures in at /hooks/{token}."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from caller import Caller
from colours import picture
from loopback import Loopback, answer
from sqlalchemy import func, select

from connector.db import Database
from connector.db.tables import Prediction
from connector.settings import Settings
from connector.storage import LocalBlobs

RED = picture("red")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let the tests' own picture server be called, at an address that nothing else has."""
    return settings.model_copy(update={"allow_private_addresses": ["127.0.0.2"]})


def count(database: Database) -> int:
    with database.read() as session:
        return session.execute(select(func.count(Prediction.id))).scalar_one()


def upload(*pictures: tuple[str, bytes], **fields: str) -> dict[str, Any]:
    files = [("file", (io.BytesIO(data), name)) for name, data in pictures]
    return {"data": {**fields, "file": [file for _, file in files]}}


def test_a_raw_picture_is_accepted_and_kept(as_nobody: Caller, job: Any, blobs: LocalBlobs) -> None:
    response = as_nobody.post(job.hook, data=RED, content_type="image/png")
    assert response.status_code == 202
    assert response.json is not None
    assert response.json["status"] == "queued"
    assert response.headers["Location"] == response.json["url"]
    assert blobs.read(response.json["location"]["sha256"]) == RED


def test_the_answer_is_what_the_database_holds(
    as_nobody: Caller, as_alice: Caller, job: Any
) -> None:
    accepted = as_nobody.post(job.hook, **upload(("Ü.png", RED), external_id="e-7"))
    shown = accepted.json or {}
    assert shown == as_alice.get(f"/api/v1/predictions/{shown['id']}").json


def test_an_accepted_picture_is_answered(
    as_nobody: Caller, as_alice: Caller, job: Any, drain: Callable[[], None]
) -> None:
    accepted = as_nobody.post(job.hook, data=RED, content_type="image/png").json or {}
    drain()
    shown = as_alice.get(f"/api/v1/predictions/{accepted['id']}").json or {}
    assert (shown["status"], shown["label"], shown["decided_by"]) == ("done", "red", "model")


def test_a_hook_waits_for_the_answers_too(as_nobody: Caller, job: Any, workers: None) -> None:
    one = as_nobody.post(f"{job.hook}?wait=20&from=tool", data=RED)
    assert (one.status_code, (one.json or {})["label"]) == (200, "red")
    files = [("1.png", picture("red", seed=1)), ("2.png", picture("blue", seed=2))]
    two = as_nobody.post(f"{job.hook}?wait=20", **upload(*files))
    assert two.status_code == 200
    assert [shown["label"] for shown in (two.json or {})["predictions"]] == ["red", "blue"]


def test_a_form_keeps_the_files_own_name(as_nobody: Caller, job: Any) -> None:
    response = as_nobody.post(job.hook, **upload(("Фото 1.png", RED)))
    assert response.status_code == 202
    assert (response.json or {})["name"] == "Фото 1.png"


def test_several_files_are_several_predictions(as_nobody: Caller, job: Any) -> None:
    files = [(f"{seed}.png", picture("blue", seed=seed)) for seed in range(3)]
    response = as_nobody.post(job.hook, **upload(*files))
    assert response.status_code == 202
    shown = (response.json or {})["predictions"]
    assert [one["name"] for one in shown] == ["0.png", "1.png", "2.png"]


def test_of_several_files_one_bad_one_refuses_all(
    as_nobody: Caller, job: Any, residue: Callable[[], dict[str, int]]
) -> None:
    before = residue()
    response = as_nobody.post(job.hook, **upload(("a.png", RED), ("b.png", b"not a picture")))
    assert response.status_code == 415
    assert "Picture 2 (b.png)" in (response.json or {})["detail"]
    assert residue() == before


@pytest.mark.parametrize("wrap", [lambda t: {"image": t}, lambda t: {"a": [{"content": t}]}])
def test_base64_in_json(as_nobody: Caller, job: Any, wrap: Callable[[str], Any]) -> None:
    text = base64.b64encode(RED).decode()
    assert as_nobody.post(job.hook, json=wrap(text)).status_code == 202


def test_a_picture_by_url_is_fetched_before_the_answer(
    as_nobody: Caller, job: Any, blobs: LocalBlobs
) -> None:
    server = Loopback(answer(RED, "Content-Type: image/png"), host="127.0.0.2")
    try:
        response = as_nobody.post(job.hook, json={"photo": {"url": f"{server.url}red.png"}})
    finally:
        server.close()
    assert response.status_code == 202
    assert response.json is not None
    assert response.json["name"] == "red.png"
    assert blobs.read(response.json["location"]["sha256"]) == RED


def test_a_repeat_under_the_same_key_is_the_first_one(
    as_nobody: Caller, job: Any, database: Database
) -> None:
    first = as_nobody.post(job.hook, data=RED, headers={"Idempotency-Key": "k"})
    again = as_nobody.post(job.hook, data=RED, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert (again.json or {})["id"] == (first.json or {})["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert count(database) == 1


def test_the_key_may_be_a_field(as_nobody: Caller, job: Any, database: Database) -> None:
    text = base64.b64encode(RED).decode()
    for _ in range(2):
        as_nobody.post(job.hook, json={"image": text, "idempotency_key": "k"})
        as_nobody.post(job.hook, **upload(("a.png", RED), idempotency_key="k2"))
    assert count(database) == 2


def test_several_pictures_under_one_key_are_repeated_as_well(
    as_nobody: Caller, job: Any, database: Database
) -> None:
    files = [(f"{seed}.png", picture("blue", seed=seed)) for seed in range(3)]
    for expected in (202, 200):
        response = as_nobody.post(job.hook, headers={"Idempotency-Key": "k"}, **upload(*files))
        assert response.status_code == expected
    assert count(database) == 3


def test_what_was_taken_before_one_of_several_failed_is_told(
    as_nobody: Caller, job: Any, database: Database
) -> None:
    as_nobody.post(job.hook, data=RED, headers={"Idempotency-Key": "k#2"})
    files = [("1.png", picture("blue", seed=1)), ("2.png", picture("blue", seed=2))]
    said = as_nobody.post(job.hook, headers={"Idempotency-Key": "k"}, **upload(*files))
    assert (said.status_code, (said.json or {})["code"]) == (422, "idempotency_key_reused")
    assert "Picture 2 (2.png)" in (said.json or {})["detail"]
    alone = as_nobody.post(job.hook, headers={"Idempotency-Key": "k"}, **upload(files[0]))
    assert (said.json or {})["accepted"] == [(alone.json or {})["id"]]
    assert count(database) == 2


def test_another_picture_under_the_same_key_is_told(as_nobody: Caller, job: Any) -> None:
    as_nobody.post(job.hook, data=RED, headers={"Idempotency-Key": "k"})
    other = as_nobody.post(job.hook, data=picture("blue"), headers={"Idempotency-Key": "k"})
    assert other.status_code == 422
    assert (other.json or {})["code"] == "idempotency_key_reused"


def test_an_unknown_token_is_told_where_to_look(as_nobody: Caller) -> None:
    response = as_nobody.post("/hooks/nonsense", data=RED)
    assert response.status_code == 404
    assert "hook_url" in (response.json or {})["detail"]


def test_a_deleted_classifiers_hook_takes_nothing_more(
    as_nobody: Caller, as_alice: Caller, job: Any, residue: Callable[[], dict[str, int]]
) -> None:
    assert as_nobody.post(job.hook, data=RED).status_code == 202
    as_alice("DELETE", job.path)
    before = residue()
    assert as_nobody.post(job.hook, data=picture("blue")).status_code == 404
    assert residue() == before


def test_the_hook_is_another_way_in_than_the_api(
    as_nobody: Caller, as_alice: Caller, job: Any
) -> None:
    key = {"Idempotency-Key": "same"}
    one = as_nobody.post(job.hook, data=RED, headers=key).json or {}
    two = as_alice.post(f"{job.path}/predictions", data=RED, headers=key).json or {}
    assert one["id"] != two["id"]
