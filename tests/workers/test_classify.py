"""From a submitted picture to the decision: claims, batches, strikes, reviews, events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from colours import add_version, picture
from sqlalchemy import func, select, update

from connector.db import Database
from connector.db.tables import (
    Action,
    Classifier,
    Delivery,
    Embedding,
    Event,
    Label,
    Prediction,
    Review,
)
from connector.db.types import utcnow
from connector.domain import (
    decisions,
    labels,
    outbound,
    prediction_list,
    predictions,
    reviews,
    rules,
)
from connector.domain.predictions import SourceRef, Submission
from connector.errors import Conflict, Unprocessable
from connector.storage import LocalBlobs
from workers import classify
from workers.runtime import Runtime


def send(rt: Runtime, source: SourceRef, colour: str, *, seed: int = 0, **fields: object) -> str:
    submission = Submission(picture(colour, seed=seed), f"{colour}.png", **fields)  # type: ignore[arg-type]
    return predictions.submit(
        rt.database, rt.blobs, rt.settings, source=source, submission=submission
    ).id


def drain(rt: Runtime) -> int:
    total = 0
    while done := classify.step(rt):
        total += done
    return total


def fetch(database: Database, prediction_id: str) -> Prediction:
    with database.read() as session:
        return session.get_one(Prediction, prediction_id)


def expire_leases(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Prediction).values(lease_until=utcnow() - timedelta(seconds=1)))


def test_a_sure_answer_is_done(rt: Runtime, api_source: SourceRef) -> None:
    ids = {colour: send(rt, api_source, colour) for colour in ("red", "green", "blue")}
    assert drain(rt) == 3
    for colour, prediction_id in ids.items():
        row = fetch(rt.database, prediction_id)
        assert (row.status, row.label, row.decided_by) == ("done", colour, "model")
        assert row.model_version == 1
        assert row.probabilities is not None
        assert sum(row.probabilities.values()) == pytest.approx(1)
        assert row.confidence == max(row.probabilities.values())
        assert row.lease_token is None


def test_an_unsure_answer_becomes_a_review(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    prediction_id = send(rt, api_source, "grey")
    drain(rt)
    assert fetch(rt.database, prediction_id).status == "needs_review"
    with rt.database.write() as session:
        open_reviews = reviews.list_reviews(session, colours.workspace_id).items
        assert [review.prediction_id for review in open_reviews] == [prediction_id]
        answered = reviews.answer(
            session, rt.settings, colours.workspace_id, open_reviews[0].id, "red", "Alice"
        )
        assert (answered.review.state, answered.contradiction) == ("answered", None)
    row = fetch(rt.database, prediction_id)
    assert (row.status, row.label, row.decided_by) == ("done", "red", "person")
    with rt.database.write() as session, pytest.raises(Conflict, match="Alice answered"):
        reviews.answer(
            session, rt.settings, colours.workspace_id, open_reviews[0].id, "blue", "Bob"
        )


def test_a_threshold_set_by_a_person_wins(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    with rt.database.write() as session:
        session.get_one(Classifier, colours.id).threshold = 1.0
    prediction_id = send(rt, api_source, "red")
    drain(rt)
    assert fetch(rt.database, prediction_id).status == "needs_review"


def test_a_repeat_under_the_same_key_is_the_same_prediction(
    rt: Runtime, api_source: SourceRef
) -> None:
    first = send(rt, api_source, "red", idempotency_key="k1")
    assert send(rt, api_source, "red", idempotency_key="k1") == first
    with pytest.raises(Unprocessable, match="used before"):
        send(rt, api_source, "blue", idempotency_key="k1")
    assert drain(rt) == 1
    assert send(rt, api_source, "red", idempotency_key="k1") == first


def test_the_same_picture_without_a_key_is_classified_twice(
    rt: Runtime, api_source: SourceRef
) -> None:
    assert send(rt, api_source, "red") != send(rt, api_source, "red")
    assert drain(rt) == 2
    with rt.database.read() as session:
        assert session.scalar(select(func.count()).where(Embedding.backbone != "thumbnail")) == 1


def test_a_classifier_without_a_model_takes_no_pictures(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    with rt.database.write() as session:
        session.get_one(Classifier, colours.id).live_version = None
    with pytest.raises(Conflict, match="no model yet"):
        send(rt, api_source, "red")


def test_a_mixed_batch_is_one_step(
    rt: Runtime, blobs: LocalBlobs, api_source: SourceRef, colours: Classifier
) -> None:
    from colours import colour_classifier

    from connector.domain import classifiers

    with rt.database.write() as session:
        other = colour_classifier(session, blobs, colours.workspace_id, name="other")
        other.live_version = add_version(session, blobs, other, 2, sharpness=-20.0).number
        source = classifiers.source(session, other, "api")
        second = SourceRef(source.id, source.workspace_id, source.classifier_id)
    mine, theirs = send(rt, api_source, "red"), send(rt, second, "red", seed=1)
    assert classify.step(rt) == 2
    assert fetch(rt.database, mine).label == "red"
    assert fetch(rt.database, theirs).label != "red"


def test_a_picture_whose_bytes_are_gone_fails_with_a_sentence(
    rt: Runtime, blobs: LocalBlobs, api_source: SourceRef
) -> None:
    lost, fine = send(rt, api_source, "red"), send(rt, api_source, "blue")
    location = fetch(rt.database, lost).location
    blobs.delete(location["sha256"])
    drain(rt)
    row = fetch(rt.database, lost)
    assert (row.status, row.error_code) == ("failed", "blob_missing")
    assert fetch(rt.database, fine).status == "done"


def test_rules_are_planned_in_the_same_transaction(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    move = {"kind": "move", "params": {"folder": "{label}"}}
    checked = rules.check_actions(rt.settings, [move])
    with rt.database.write() as session:
        classifier = session.get_one(Classifier, colours.id)
        rules.create_rule(session, classifier, label="red", actions=checked)
        rules.create_rule(session, classifier, label=None, actions=checked)
        rules.create_rule(session, classifier, label="blue", actions=checked)
    prediction_id = send(rt, api_source, "red")
    drain(rt)
    with rt.database.read() as session:
        planned = session.scalars(
            select(Action).where(Action.prediction_id == prediction_id).order_by(Action.sequence)
        ).all()
    assert [(one.kind, one.status, one.sequence) for one in planned] == [
        ("move", "planned", 0),
        ("move", "planned", 1),
    ]


def test_events_reach_only_those_who_asked(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    local = rt.settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})
    wanted = outbound.subscription(local, "http://127.0.0.1:9/hook", ["prediction.completed"])
    with rt.database.write() as session:
        outbound.create_webhook(session, colours.workspace_id, wanted)
    send(rt, api_source, "red")
    send(rt, api_source, "grey", seed=1)
    drain(rt)
    with rt.database.read() as session:
        events = session.scalars(select(Event)).all()
        assert [event.type for event in events] == ["prediction.completed"]
        assert events[0].payload["label"] == "red"
        assert events[0].payload["status"] == "done"
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1


def test_a_crashed_batch_is_retried_one_by_one_and_a_poison_picture_is_set_aside(
    rt: Runtime, api_source: SourceRef
) -> None:
    ids = [send(rt, api_source, "red", seed=seed) for seed in range(4)]

    def crash() -> tuple[str, ...]:
        with rt.database.write() as session:
            work = decisions.claim_queued(session, limit=32, seconds=15)
            decisions.quarantine(session, rt.settings, work)
        expire_leases(rt.database)
        return work.claim.ids

    assert list(crash()) == ids
    for _ in range(decisions.STRIKES):
        assert crash() == (ids[0],)
    drain(rt)
    rows = [fetch(rt.database, prediction_id) for prediction_id in ids]
    assert (rows[0].status, rows[0].error_code) == ("failed", "quarantined")
    assert [row.status for row in rows[1:]] == ["done"] * 3
    with rt.database.write() as session:
        predictions.retry(session, rows[0].workspace_id, ids[0])
    drain(rt)
    assert fetch(rt.database, ids[0]).status == "done"


def test_a_worker_that_lost_its_lease_writes_nothing(rt: Runtime, api_source: SourceRef) -> None:
    prediction_id = send(rt, api_source, "red")
    with rt.database.write() as session:
        slow = decisions.claim_queued(session, limit=32, seconds=15)
    expire_leases(rt.database)
    drain(rt)
    with rt.database.write() as session:
        late = decisions.Answer(prediction_id, {"blue": 1.0}, {}, 7)
        assert decisions.record(session, rt.settings, slow.claim, [late], []) == 0
    row = fetch(rt.database, prediction_id)
    assert (row.label, row.model_version) == ("red", 1)


def test_a_label_renamed_between_answering_and_recording_has_its_new_name(
    rt: Runtime, api_source: SourceRef, colours: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, names = classify.answering.answer, ["crimson"]

    def then_renamed(*given: Any, **options: Any) -> list[decisions.Answer]:
        answers = answer(*given, **options)
        while names:
            with rt.database.write() as session:
                row = session.get_one(Classifier, colours.id)
                statement = select(Label.id).where(Label.classifier_id == row.id)
                red = session.scalars(statement.where(Label.name == "red")).one()
                labels.rename_label(session, row, red, names.pop())
        return answers

    monkeypatch.setattr(classify.answering, "answer", then_renamed)
    prediction_id = send(rt, api_source, "red")
    drain(rt)
    row = fetch(rt.database, prediction_id)
    assert (row.status, row.label, row.strikes, row.suspect) == ("done", "crimson", 0, 0)


def test_nobody_else_gets_what_is_claimed(rt: Runtime, api_source: SourceRef) -> None:
    send(rt, api_source, "red")
    with rt.database.write() as session:
        assert len(decisions.claim_queued(session, limit=32, seconds=15).claim.ids) == 1
    with rt.database.write() as session:
        assert decisions.claim_queued(session, limit=32, seconds=15).claim.ids == ()


def test_charlie_sees_nothing(
    rt: Runtime, api_source: SourceRef, charlie: object, colours: Classifier
) -> None:
    from connector.errors import NotFound

    prediction_id = send(rt, api_source, "grey")
    drain(rt)
    outsider = charlie.workspace_id  # type: ignore[attr-defined]
    with rt.database.read() as session:
        with pytest.raises(NotFound):
            predictions.get(session, outsider, prediction_id)
        assert prediction_list.list_predictions(session, outsider).items == []
        assert reviews.list_reviews(session, outsider).items == []
        review = session.scalars(select(Review)).one()
        with pytest.raises(NotFound):
            reviews.get_review(session, outsider, review.id)
