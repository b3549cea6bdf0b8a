"""Numbers about the whole service: what waits, how long, and what is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from colours import picture
from conftest import Person
from sqlalchemy import update

from connector.db import Database
from connector.db.tables import Action, Classifier, Delivery, Endpoint, Image, Prediction
from connector.db.types import utcnow
from connector.domain import numbers, outbound, predictions, training
from connector.domain.predictions import SourceRef, Submission
from connector.ids import made_at, new_id
from connector.settings import Settings
from connector.storage import LocalBlobs
from workers import classify
from workers.runtime import Runtime


def submit(rt: Runtime, source: SourceRef, colour: str, seed: int = 0, **said: Any) -> str:
    what = Submission(picture(colour, seed=seed), **said)
    return predictions.submit(
        rt.database, rt.blobs, rt.settings, source=source, submission=what, way="hook"
    ).id


def waiting(database: Database) -> dict[str, numbers.Waiting]:
    with database.read() as session:
        return {one.queue: one for one in numbers.waiting(session)}


def totals(database: Database, name: str) -> dict[tuple[str, ...], float]:
    with database.read() as session:
        found = [one for one in numbers.totals(session) if one.name == name]
    return {tuple(one.labels[label] for label in sorted(one.labels)): one.value for one in found}


def test_an_id_says_when_it_was_made() -> None:
    before = utcnow()
    made = made_at(new_id("pred"))
    assert before - timedelta(milliseconds=1) <= made <= utcnow()


def test_every_queue_is_there_when_nothing_waits(database: Database) -> None:
    found = waiting(database)
    assert list(found) == ["classify", "act", "deliver", "train", "reviews", "audits"]
    assert all((one.count, one.oldest, one.later) == (0, 0.0, 0) for one in found.values())


def test_pictures_wait_are_answered_and_counted(rt: Runtime, api_source: SourceRef) -> None:
    for colour in ("red", "grey"):
        submit(rt, api_source, colour)
    submit(rt, api_source, "blue", idempotency_key="same")
    submit(rt, api_source, "blue", idempotency_key="same")
    found = waiting(rt.database)["classify"]
    assert found.count == 3
    assert 0 < found.oldest < 600
    assert classify.step(rt) == 3
    assert waiting(rt.database)["classify"].count == 0
    reviews = waiting(rt.database)["reviews"]
    assert reviews.count == 1
    assert reviews.oldest >= 0
    assert totals(rt.database, "accepted") == {("hook",): 3}
    assert totals(rt.database, "classified") == {("model", "sort"): 2, ("review", "sort"): 1}
    assert sum(totals(rt.database, "answer_seconds").values()) == 3


def test_a_failure_is_counted_by_its_code(
    rt: Runtime, api_source: SourceRef, blobs: LocalBlobs
) -> None:
    submit(rt, api_source, "red")
    with rt.database.write() as session:
        session.execute(update(Classifier).values(live_version=7))
    classify.step(rt)
    assert totals(rt.database, "failures") == {("no_model", "yes", "prediction"): 1}
    assert totals(rt.database, "classified") == {("failed", "sort"): 1}


def test_what_is_due_is_told_from_what_waits_for_its_next_attempt(
    rt: Runtime, api_source: SourceRef
) -> None:
    prediction = submit(rt, api_source, "red")
    moment = utcnow()
    with rt.database.write() as session:
        for number, seconds in enumerate((-90, -30, 3600)):
            session.add(
                Action(
                    workspace_id=api_source.workspace_id,
                    prediction_id=prediction,
                    rule_id="rule_1",
                    rule_version=1,
                    sequence=number,
                    position=number,
                    kind="move",
                    params={},
                    due_at=moment + timedelta(seconds=seconds),
                )
            )
    found = waiting(rt.database)["act"]
    assert (found.count, found.later) == (2, 1)
    assert 90 <= found.oldest < 690


def test_a_receiver_that_rests_is_no_sign_of_a_missing_worker(
    database: Database, alice: Person, settings: Settings
) -> None:
    wanted = outbound.subscription(settings, "https://93.184.216.34/", ["model.promoted"])
    with database.write() as session:
        webhook = outbound.create_webhook(session, alice.workspace_id, wanted)
        outbound.emit(session, alice.workspace_id, "model.promoted", {})
        session.execute(update(Delivery).values(due_at=utcnow() - timedelta(hours=1)))
    assert waiting(database)["deliver"].count == 1
    assert waiting(database)["deliver"].oldest >= 3600
    with database.write() as session:
        until = utcnow() + timedelta(hours=1)
        session.add(Endpoint(key=webhook.id, failures=5, open_until=until))
    found = waiting(database)["deliver"]
    assert (found.count, found.oldest, found.later) == (0, 0.0, 1)


def test_what_is_live_and_kept(rt: Runtime, colours: Classifier, api_source: SourceRef) -> None:
    submit(rt, api_source, "red")
    submit(rt, api_source, "red")
    with rt.database.read() as session:
        assert numbers.live_versions(session) == {"head": 1}
        assert numbers.bytes_kept(session) == len(picture("red"))
        assert session.query(Image).count() == 1
        assert session.query(Prediction).count() == 2


def test_trainings_wait_in_the_train_queue(database: Database, colours: Classifier) -> None:
    from connector.db.tables import TrainingRun

    with database.write() as session:
        session.add(TrainingRun(classifier_id=colours.id, kind=training.HEAD))
    assert waiting(database)["train"].count == 1
