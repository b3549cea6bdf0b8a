"""A promise from the evidence to the field: kept, not provable yet, broken, and made afresh."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from colours import picture
from paints import add, trained
from sqlalchemy import select

from connector.db.tables import Classifier, Event, ModelVersion, Prediction, Review
from connector.domain import classifiers, outbound, predictions, promises, reviews
from connector.domain.predictions import SourceRef, Submission
from connector.domain.waiting import waiting
from workers import classify, judge
from workers.judging import record_of
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def rt(trainable: Runtime) -> Runtime:
    """The runtime that can train."""
    return trainable


def promise(rt: Runtime, classifier: Classifier, **wanted: Any) -> None:
    with rt.database.write() as session:
        promises.set_promise(session, session.get_one(Classifier, classifier.id), wanted)


def judged(rt: Runtime, classifier: Classifier) -> dict[str, Any]:
    """Judge what is stale; return the classifier as the API shows it."""
    while judge.step(rt):
        pass
    with rt.database.read() as session:
        assert "judge" not in waiting(session)
        return classifiers.summary(session, session.get_one(Classifier, classifier.id), "https://c")


def classified(rt: Runtime, classifier: Classifier, seeds: range, colour: str) -> list[Prediction]:
    with rt.database.read() as session:
        api = classifiers.source(session, classifier, "api")
    source = SourceRef(api.id, api.workspace_id, api.classifier_id)
    ids = [
        predictions.submit(
            rt.database,
            rt.blobs,
            rt.settings,
            source=source,
            submission=Submission(picture(colour, seed=seed)),
        ).id
        for seed in seeds
    ]
    while classify.step(rt):
        pass
    with rt.database.read() as session:
        return [session.get_one(Prediction, one) for one in ids]


def answer_all(rt: Runtime, classifier: Classifier, label: str) -> int:
    with rt.database.write() as session:
        page = reviews.list_reviews(session, classifier.workspace_id, limit=100)
        for row in page.items:
            reviews.answer(session, rt.settings, classifier.workspace_id, row.id, label, "Alice")
    return len(page.items)


def test_a_promise_that_the_evidence_bears_lets_sure_answers_through(
    rt: Runtime, paints: Classifier
) -> None:
    add(rt, paints, range(30))
    trained(rt, paints)
    promise(rt, paints, kind="error_rate", rate=0.3)
    shown = judged(rt, paints)
    point = shown["operating"]
    assert point["version"] == 1
    assert point["kept"] is True
    assert all(value is not None for value in point["thresholds"].values())
    assert point["sentence"].endswith(".")
    rows = classified(rt, paints, range(900, 910), "red")
    assert {(row.status, row.label) for row in rows} == {("done", "red")}


@SQLITE
def test_too_little_evidence_asks_about_everything_and_says_what_it_takes(
    rt: Runtime, paints: Classifier
) -> None:
    add(rt, paints, range(20))
    trained(rt, paints)
    promise(rt, paints, kind="error_rate", rate=0.01)
    point = judged(rt, paints)["operating"]
    assert point["kept"] is False
    assert "more labelled pictures" in point["sentence"]
    [row] = classified(rt, paints, range(900, 901), "red")
    assert row.status == "needs_review"
    with rt.database.read() as session:
        review = session.scalars(select(Review)).one()
    assert review.code == "no_evidence"
    assert point["sentence"] in review.reason


@SQLITE
def test_a_promise_per_label_is_kept_or_not_for_each(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(60))
    trained(rt, paints)
    promise(rt, paints, kind="error_rate_per_label", rate=0.4)
    point = judged(rt, paints)["operating"]
    assert set(point["thresholds"]) == {"blue", "green", "red"}
    assert set(point["labels"]) == {"blue", "green", "red"}


@SQLITE
def test_a_capacity_waits_for_a_stream_and_then_asks_about_so_many(
    rt: Runtime, paints: Classifier
) -> None:
    add(rt, paints, range(20))
    trained(rt, paints)
    promise(rt, paints, kind="capacity", questions_per_day=2)
    assert "too few to tell" in judged(rt, paints)["operating"]["sentence"]
    with rt.database.write() as session:
        classifiers.update_classifier(
            session, session.get_one(Classifier, paints.id), promise={"kind": "none"}
        )
    judged(rt, paints)
    for colour in ("red", "green", "blue"):
        classified(rt, paints, range(800, 810), colour)
    promise(rt, paints, kind="capacity", questions_per_day=3)
    point = judged(rt, paints)["operating"]
    assert point["review_share"] <= 0.11
    assert all(value is not None for value in point["thresholds"].values())


@pytest.fixture
def promised(rt: Runtime, paints: Classifier) -> Classifier:
    """A promise that is kept, with every answer looked over and somebody who listens."""
    wanted = outbound.subscription(
        rt.settings, "https://93.184.216.34/field", ["promise.warning", "promise.broken"]
    )
    with rt.database.write() as session:
        outbound.create_webhook(session, paints.workspace_id, wanted)
    add(rt, paints, range(30))
    trained(rt, paints)
    with rt.database.write() as session:
        row = session.get_one(Classifier, paints.id)
        classifiers.update_classifier(
            session, row, promise={"kind": "error_rate", "rate": 0.3}, audit_share=1.0
        )
    judged(rt, paints)
    return paints


def test_audits_that_agree_hold_the_promise(rt: Runtime, promised: Classifier) -> None:
    classified(rt, promised, range(900, 912), "red")
    assert answer_all(rt, promised, "red") == 12
    field = judged(rt, promised)["field"]
    assert (field["audits"], field["wrong"], field["verdict"]) == (12, 0, "holds")


def test_a_broken_promise_falls_back_to_asking_until_a_better_model_is_live(
    rt: Runtime, promised: Classifier
) -> None:
    classified(rt, promised, range(900, 930), "red")
    # People say that what looks red is called green from now on.
    assert answer_all(rt, promised, "green") == 30
    shown = judged(rt, promised)
    assert shown["field"]["verdict"] == "broken"
    assert "broken" in shown["field"]["sentence"]
    with rt.database.read() as session:
        events = session.scalars(select(Event.type)).all()
    assert "promise.broken" in events
    [row] = classified(rt, promised, range(950, 951), "blue")
    assert row.status == "needs_review"
    with rt.database.read() as session:
        review = session.scalars(select(Review).where(Review.prediction_id == row.id)).one()
    assert review.code == "promise_broken"
    before = shown["promise"]["since"]
    run = trained(rt, promised)
    if run["promoted"]:
        again = judged(rt, promised)
        assert again["promise"]["since"] > before
        assert again["field"]["verdict"] == "unknown"


@SQLITE
def test_what_changed_while_it_judged_is_judged_again(
    rt: Runtime, paints: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(rt, paints, range(20))
    trained(rt, paints)
    promise(rt, paints, kind="error_rate", rate=0.4)
    original = judge._operating

    def slow(*given: Any) -> Any:
        found = original(*given)
        with monkeypatch.context() as patch:
            patch.setattr(judge, "_operating", original)
            promise(rt, paints, kind="none")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(judge, "_operating", slow)
        assert judge.step(rt) == 1
    with rt.database.read() as session:
        row = session.get_one(Classifier, paints.id)
        assert (row.operating, row.stale) == (None, True)
    assert judged(rt, paints)["operating"] is None


def test_a_network_from_scratch_can_prove_nothing_and_says_so(
    rt: Runtime, paints: Classifier
) -> None:
    add(rt, paints, range(12))
    trained(rt, paints)
    with rt.database.read() as session:
        version = session.scalars(select(ModelVersion)).one()
        session.expunge(version)
    record = record_of(rt, version)
    nothing = replace(record, tuning=record.tuning.take([]))
    with rt.database.write() as session:
        row = session.scalars(select(ModelVersion)).one()
        row.card = {**row.card, "record_sha256": rt.blobs.put(nothing.to_bytes())}
    promise(rt, paints, kind="error_rate", rate=0.3)
    point = judged(rt, paints)["operating"]
    assert set(point["thresholds"].values()) == {None}
    assert "from scratch" in point["sentence"]


@SQLITE
def test_what_each_promise_would_come_to_is_told_beforehand(
    rt: Runtime, paints: Classifier
) -> None:
    add(rt, paints, range(60))
    trained(rt, paints)
    with rt.database.read() as session:
        version = session.scalars(select(ModelVersion)).one()
    told = json.loads(rt.blobs.read(str(version.report_sha256)))["promises"]
    assert [one["rate"] for one in told] == list(judge.RATES)
    assert not told[0]["kept"]
    assert told[0]["more_labelled"]
    assert told[-1]["kept"]
    for one in (told[0], told[-1]):
        promise(rt, paints, kind="error_rate", rate=one["rate"])
        point = judged(rt, paints)["operating"]
        assert point["kept"] == one["kept"]
        assert round(point["review_share"], 4) == one["review_share"]
        assert point["evidence"]["more_labelled"] == one["more_labelled"]


@SQLITE
def test_a_network_from_scratch_has_no_promise_to_offer(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(20))
    trained(rt, paints)
    with rt.database.read() as session:
        record = record_of(rt, session.scalars(select(ModelVersion)).one())
    assert judge.choices(1, replace(record, tuning=record.tuning.take([]))) == []
