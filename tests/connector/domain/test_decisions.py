"""When an answer stands, when a person is asked and why, and what looking answers over does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from colours import picture
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import Classifier, Event, Example, Label, Prediction, Review
from connector.domain import decisions, outbound, predictions, promises, reviews
from connector.domain.decisions import Answer, Twin
from connector.domain.predictions import SourceRef, Submission
from connector.errors import Conflict
from connector.settings import Settings
from connector.storage import LocalBlobs

SURE = {"blue": 0.02, "green": 0.03, "red": 0.95}
PLAIN = Answer("", SURE, {"blue": 0.8, "green": 0.8, "red": 0.8}, 1)


@pytest.fixture
def decide(database: Database, blobs: LocalBlobs, settings: Settings, api_source: SourceRef) -> Any:
    """Submit a picture and decide it by the given answer; return its prediction."""

    def decided(answer: Answer = PLAIN, *, seed: int = 0) -> Prediction:
        submission = Submission(picture("red", seed=seed))
        sent = predictions.submit(
            database, blobs, settings, source=api_source, submission=submission
        )
        with database.write() as session:
            work = decisions.claim_queued(session, limit=10, seconds=60)
            given = replace(answer, prediction_id=sent.id)
            assert decisions.record(session, settings, work.claim, [given], []) == 1
        with database.read() as session:
            return session.get_one(Prediction, sent.id)

    return decided


def asked(database: Database) -> list[Review]:
    with database.read() as session:
        return list(session.scalars(select(Review).order_by(Review.id)))


def test_a_sure_answer_stands_and_nobody_is_asked(database: Database, decide: Any) -> None:
    row = decide()
    assert (row.status, row.label, row.decided_by) == ("done", "red", "model")
    assert asked(database) == []


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"thresholds": {"red": 0.97}}, "unsure", "below 97%"),
        ({"thresholds": {}}, None, ""),
        ({"thresholds": {"red": None}}, "no_evidence", "too little evidence"),
        (
            {"thresholds": {"red": None}, "always": ("promise_broken", "9 of 40 were wrong.")},
            "promise_broken",
            "“red” with 95% confidence. 9 of 40 were wrong.",
        ),
        ({"unlike": "It is unlike everything.", "usual": 0.004}, "unlike", "unlike everything"),
    ],
)
def test_a_person_is_asked_and_told_why(
    database: Database, decide: Any, change: dict[str, Any], code: str | None, says: str
) -> None:
    row = decide(replace(PLAIN, **change))
    if code is None:
        # A label that no threshold was ever set for is taken at the default one.
        assert row.status == "done"
        return
    assert row.status == "needs_review"
    assert row.usual == change.get("usual")
    [question] = asked(database)
    assert (question.kind, question.code) == ("question", code)
    assert says in question.reason


def test_a_twin_of_an_answered_picture_obeys_the_person(database: Database, decide: Any) -> None:
    row = decide(
        replace(PLAIN, twin=Twin("pred_earlier", "green"), unlike="It is unlike everything.")
    )
    assert (row.status, row.label, row.decided_by) == ("done", "green", "person")
    assert row.twin_of == "pred_earlier"
    # What the model says stays on record.
    assert (row.confidence, row.probabilities) == (0.95, SURE)
    assert asked(database) == []


def test_the_lot_falls_on_the_wanted_share_and_always_the_same_way() -> None:
    ids = [f"pred_{i}" for i in range(20_000)]
    drawn = [one for one in ids if decisions.drawn(one, 0.02)]
    assert 330 < len(drawn) < 470
    assert drawn == [one for one in ids if decisions.drawn(one, 0.02)]
    assert not any(decisions.drawn(one, 0.0) for one in ids)
    assert all(decisions.drawn(one, 1.0) for one in ids)


@pytest.fixture
def audited(database: Database, decide: Any, settings: Settings, colours: Classifier) -> Any:
    """Decide a picture that is audited; give the prediction's id, its review, and how to answer."""
    wanted = outbound.subscription(settings, "https://93.184.216.34/hook", outbound.EVENT_TYPES)
    with database.write() as session:
        outbound.create_webhook(session, colours.workspace_id, wanted)
    row = decide(replace(PLAIN, audit_share=1.0))
    assert row.status == "done"
    [audit] = asked(database)

    def answer(label: str) -> Review:
        with database.write() as session:
            return reviews.answer(session, settings, colours.workspace_id, audit.id, label, "Alice")

    return row.id, audit, answer


def events(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Event.type).order_by(Event.id)))


def test_an_audit_asks_without_holding_anything_up(database: Database, audited: Any) -> None:
    _, audit, _ = audited
    assert (audit.kind, audit.code, audit.state) == ("audit", "audit", "open")
    # Nobody waits for it, so nobody is told of a question.
    assert events(database) == ["prediction.completed"]


@pytest.mark.parametrize(("label", "corrected"), [("red", None), ("green", "green")])
def test_an_audits_answer_teaches_and_is_counted_but_decides_nothing_again(
    database: Database, audited: Any, colours: Classifier, label: str, corrected: str | None
) -> None:
    prediction_id, _, answer = audited
    answer(label)
    with database.read() as session:
        row = session.get_one(Prediction, prediction_id)
        assert (row.status, row.label, row.decided_by) == ("done", "red", "model")
        assert row.corrected_label == corrected
        example = session.execute(
            select(Label.name, Example.origin).join(Example, Example.label_id == Label.id)
        ).one()
        assert tuple(example) == (label, "audit")
        # The error in the field is worked out anew.
        assert session.scalars(select(Classifier.id).where(promises.STALE)).all() == [colours.id]
    assert events(database) == ["prediction.completed", "review.answered"]
    with pytest.raises(Conflict, match="Alice answered this already"):
        answer("blue")


def test_questions_and_audits_are_listed_apart(
    database: Database, decide: Any, colours: Classifier
) -> None:
    decide(replace(PLAIN, audit_share=1.0), seed=1)
    decide(replace(PLAIN, thresholds={"red": 0.99}), seed=2)

    def listed(kind: str | None) -> list[str]:
        with database.read() as session:
            page = reviews.list_reviews(session, colours.workspace_id, kind=kind)
            return [row.kind for row in page.items]

    assert listed(None) == ["audit", "question"]
    assert (listed("audit"), listed("question")) == (["audit"], ["question"])
