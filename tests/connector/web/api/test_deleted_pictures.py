"""Pictures deleted over the API: what stays, what is refused, and who may."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from caller import Caller
from colours import picture
from sqlalchemy import select, update

from connector.db import Database
from connector.db.tables import Embedding, Example, Prediction, Review, TrainingRun
from connector.storage import LocalBlobs
from workers import act, classify
from workers.runtime import Runtime

RED = hashlib.sha256(picture("red")).hexdigest()
MOVE = {"kind": "move", "params": {"folder": "{label}"}}


def send(caller: Caller, job: Any, colour: str = "red") -> str:
    form = {"image": (io.BytesIO(picture(colour)), "a.png")}
    answer = caller.post(f"{job.path}/predictions", data=form)
    assert answer.status_code == 202
    assert answer.json is not None
    return str(answer.json["id"])


def image(prediction_id: str, force: bool = False) -> str:
    return f"/api/v1/predictions/{prediction_id}/image{'?force=true' if force else ''}"


def work(rt: Runtime) -> None:
    while classify.step(rt) or act.step(rt):
        pass


def needed_by(answer: Any) -> list[tuple[str, bool]]:
    assert answer.status_code == 409
    assert answer.json["code"] == "picture_needed"
    return [(one["kind"], one["forcible"]) for one in answer.json["needed_by"]]


def test_a_picture_goes_and_the_answer_stays(
    as_alice: Caller, job: Any, rt: Runtime, blobs: LocalBlobs
) -> None:
    prediction_id = send(as_alice, job)
    work(rt)
    before = as_alice.get(f"/api/v1/predictions/{prediction_id}").json
    assert before is not None
    assert (before["image_deleted_at"], before["image_note"]) == (None, None)
    answer = as_alice("DELETE", image(prediction_id))
    assert answer.status_code == 200
    assert answer.json is not None
    changed = {"image_url", "image_deleted_at", "image_note"}
    kept = {name: value for name, value in answer.json.items() if name not in changed}
    assert kept == {name: value for name, value in before.items() if name not in changed}
    assert answer.json["image_url"] is None
    assert "was deleted on" in answer.json["image_note"]
    assert not blobs.exists(RED)
    gone = as_alice.get(image(prediction_id))
    assert gone.status_code == 410
    assert gone.json is not None
    assert gone.json["code"] == "image_deleted"
    with rt.database.read() as session:
        assert session.scalars(select(Embedding.sha256)).all() == []
    # Again, it does nothing.
    assert as_alice("DELETE", image(prediction_id)).json == answer.json
    # And the same picture may come again.
    again = send(as_alice, job)
    work(rt)
    assert as_alice.get(image(again)).data == picture("red")
    assert as_alice.get(image(prediction_id)).status_code == 410


def test_what_has_not_ended_cannot_be_forced(
    as_alice: Caller, job: Any, rt: Runtime, database: Database
) -> None:
    prediction_id = send(as_alice, job)
    assert needed_by(as_alice("DELETE", image(prediction_id, force=True))) == [("queued", False)]
    work(rt)
    with database.write() as session:
        row = session.get_one(Prediction, prediction_id)
        row.status = "needs_review"
        question = Review(workspace_id=row.workspace_id, prediction_id=row.id, reason="")
        session.add(question)
        session.flush()
    for force in (True, False):
        found = needed_by(as_alice("DELETE", image(prediction_id, force)))
        assert found == [("review", False)]
    with database.write() as session:
        session.execute(update(Review).values(state="answered"))
        session.execute(update(Prediction).values(status="done"))
    assert as_alice("DELETE", image(prediction_id)).status_code == 200
    review = as_alice.get(f"/api/v1/reviews/{question.id}").json
    assert review is not None
    assert review["image_url"] is None


def test_what_may_still_be_undone_takes_force(as_alice: Caller, job: Any, rt: Runtime) -> None:
    assert (
        as_alice.post(f"{job.path}/rules", json={"label": None, "actions": [MOVE]}).status_code
        == 201
    )
    prediction_id = send(as_alice, job)
    classify.step(rt)
    found = needed_by(as_alice("DELETE", image(prediction_id, force=True)))
    assert found == [("action", False)]
    work(rt)
    assert needed_by(as_alice("DELETE", image(prediction_id))) == [("undo", True)]
    shown = as_alice("DELETE", image(prediction_id, force=True)).json
    assert shown is not None
    assert shown["actions"][0]["status"] == "done"
    undo = as_alice.post(f"/api/v1/actions/{shown['actions'][0]['id']}/undo")
    assert undo.status_code == 410
    assert as_alice.post(f"/api/v1/predictions/{prediction_id}/undo").status_code == 410


def test_an_example_and_other_predictions_of_the_same_picture_take_force(
    as_alice: Caller, job: Any, rt: Runtime, database: Database, blobs: LocalBlobs
) -> None:
    first, second = send(as_alice, job), send(as_alice, job)
    work(rt)
    form = {"image": (io.BytesIO(picture("red")), "a.png"), "label": "red"}
    example = as_alice.post(f"{job.path}/examples", data=form).json
    assert example is not None
    with database.write() as session:
        session.add(TrainingRun(classifier_id=job.id, status="running"))
    found = needed_by(as_alice("DELETE", image(first)))
    assert found == [("example", True), ("prediction", True), ("training", True)]
    assert blobs.exists(RED)
    one = f"{job.path}/examples/{example['id']}"
    found = needed_by(as_alice("DELETE", f"{one}/image"))
    assert found == [("prediction", True)] * 2 + [("training", True)]
    assert as_alice.get(f"{one}/image").status_code == 200
    assert as_alice("DELETE", image(first, force=True)).status_code == 200
    assert as_alice.get(one).status_code == 404
    assert as_alice.get(image(second)).status_code == 410
    assert not blobs.exists(RED)


def test_an_example_goes_with_its_picture(
    as_alice: Caller, job: Any, blobs: LocalBlobs, database: Database
) -> None:
    form = {"image": (io.BytesIO(picture("red")), "a.png"), "label": "red"}
    example = as_alice.post(f"{job.path}/examples", data=form).json
    assert example is not None
    one = f"{job.path}/examples/{example['id']}"
    assert as_alice("DELETE", f"{one}/image").status_code == 204
    assert as_alice.get(one).status_code == 404
    assert as_alice("DELETE", f"{one}/image").status_code == 404
    assert not blobs.exists(RED)
    with database.read() as session:
        assert session.scalars(select(Example.id)).all() == []


def test_nobody_else_deletes_them(
    as_alice: Caller, as_charlie: Caller, as_nobody: Caller, job: Any, rt: Runtime
) -> None:
    prediction_id = send(as_alice, job)
    work(rt)
    assert as_charlie("DELETE", image(prediction_id, force=True)).status_code == 404
    assert as_nobody("DELETE", image(prediction_id)).status_code == 401
    assert as_alice.get(image(prediction_id)).status_code == 200


def test_a_failed_prediction_without_its_picture_is_not_tried_again(
    as_alice: Caller, job: Any, rt: Runtime, database: Database
) -> None:
    prediction_id = send(as_alice, job)
    work(rt)
    with database.write() as session:
        session.execute(update(Prediction).values(status="failed"))
    assert as_alice("DELETE", image(prediction_id)).status_code == 200
    assert as_alice.post(f"/api/v1/predictions/{prediction_id}/retry").status_code == 410


@pytest.mark.parametrize("days", [0, 30, None])
def test_a_classifier_says_how_long(as_alice: Caller, job: Any, days: int | None) -> None:
    as_alice("PATCH", job.path, json={"retention_days": 7})
    shown = as_alice("PATCH", job.path, json={"retention_days": days}).json
    assert shown is not None
    assert shown["retention_days"] == days
    # What is absent stays.
    shown = as_alice("PATCH", job.path, json={"name": "other"}).json
    assert shown is not None
    assert shown["retention_days"] == days
    assert as_alice("PATCH", job.path, json={"retention_days": -1}).status_code == 422
