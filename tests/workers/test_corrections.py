"""None of these, and answers that are taken back: what follows, and what is put right."""

from __future__ import annotations

from typing import Any

import pytest
from acting import MOVE, actions, add_rule, run, send
from asking import ask, review_of, values
from at_once import meanwhile
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import AuditEntry, Classifier, Event, Example, Label, Prediction, Review
from connector.domain import audits, corrections, outbound, reviews, rules
from connector.domain.corrections import By, Corrected
from connector.domain.outbound import Subscription
from connector.domain.predictions import SourceRef
from connector.errors import ColabelError, Conflict, Forbidden, NotFound
from workers.runtime import Runtime

Person = Any
ALERT = {"kind": "alert", "params": {"channel": "webhook", "message": "Look at {name}."}}
ANNA = By("Anna", "prs_anna")


def answer(rt: Runtime, mine: Classifier, review_id: str, label: str | None) -> None:
    with rt.database.write() as session:
        reviews.answer(
            session, rt.settings, mine.workspace_id, review_id, label, "Anna", "prs_anna"
        )


def correct(
    rt: Runtime, mine: Classifier, review_id: str, label: str | None, by: By = ANNA
) -> Corrected:
    with rt.database.write() as session:
        return corrections.correct(session, rt.settings, mine.workspace_id, review_id, label, by)


def subscribe(session: Any, mine: Classifier, *kinds: str) -> None:
    wanted = Subscription("https://listener.example/", kinds, {})
    outbound.create_webhook(session, mine.workspace_id, wanted)


def examples_of(database: Database) -> list[str | None]:
    """Return the label of each example."""
    with database.read() as session:
        statement = select(Label.name).select_from(Example).outerjoin(Label)
        return list(session.scalars(statement.order_by(Example.id)))


def states(rt: Runtime, prediction_id: str) -> list[tuple[str, str, str | None]]:
    return [(one.kind, one.status, one.label) for one in actions(rt, prediction_id)]


def test_none_of_these_settles_it_without_rules_and_keeps_the_picture(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    (question,) = ask(rt, api_source)
    with database.write() as session:
        subscribe(session, colours, "prediction.completed", "review.answered")
    answer(rt, colours, question, None)
    run(rt)
    review, prediction = review_of(database, question)
    assert values(review, "state", "label", "answered_by", "person_id") == (
        "answered",
        None,
        "Anna",
        "prs_anna",
    )
    assert values(prediction, "status", "label", "decided_by") == ("done", None, "person")
    assert actions(rt, prediction.id) == [], "rules speak of labels"
    assert examples_of(database) == [None]
    with database.read() as session:
        told = {one.type: one.payload for one in session.scalars(select(Event))}
    assert told["prediction.completed"]["label"] is None
    assert told["review.answered"]["state"] == "answered"
    with database.write() as session, pytest.raises(Conflict, match="none of the labels"):
        reviews.answer(session, rt.settings, colours.workspace_id, question, "red", "Bob")


def test_none_of_these_takes_an_older_label_away(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    (question,) = ask(rt, api_source)
    _, prediction = review_of(database, question)
    with database.write() as session:
        red = session.scalars(select(Label).where(Label.name == "red")).one()
        reviews.add_example(session, prediction, red, "question")
        changes = session.get_one(Classifier, colours.id).changes
    answer(rt, colours, question, None)
    assert examples_of(database) == [None]
    with database.read() as session:
        assert session.get_one(Classifier, colours.id).changes == changes + 1


def test_none_of_these_tells_that_an_audited_answer_is_wrong(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    with database.write() as session:
        session.get_one(Classifier, colours.id).audit_share = 1.0
    for seed, colour in enumerate(("red", "blue", "green")):
        send(rt, api_source, colour, seed=seed)
    run(rt)
    with database.read() as session:
        pairs = session.execute(select(Prediction.label, Review.id).join(Review))
        by_label = dict(pairs.all())
    first, second, third = (by_label[label] for label in ("red", "blue", "green"))
    for one, label in ((first, None), (second, "blue"), (third, "red")):
        answer(rt, colours, one, label)
    review, prediction = review_of(database, first)
    assert values(prediction, "label", "corrected_label", "decided_by") == ("red", None, "model")
    with database.read() as session:
        counted = audits.count(session, session.get_one(Classifier, colours.id))
    assert (counted.answered, counted.wrong) == (3, 2)
    assert correct(rt, colours, first, "red").review.label == "red"
    assert correct(rt, colours, third, "green").review.label == "green"
    with database.read() as session:
        counted = audits.count(session, session.get_one(Classifier, colours.id))
    assert (counted.answered, counted.wrong) == (3, 0)
    assert review.kind == "audit"


def test_an_answer_taken_back_moves_the_picture_to_where_it_belongs(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    (question,) = ask(rt, api_source)
    answer(rt, colours, question, "red")
    run(rt)
    _, prediction = review_of(database, question)
    sorted_ = rt.settings.sorted_dir
    assert [one.parent.name for one in sorted_.rglob("*.png")] == ["red"]
    done = correct(rt, colours, question, "blue")
    assert (done.undone, done.kept, done.planned) == (1, 0, 1)
    run(rt)
    assert [one.parent.name for one in sorted_.rglob("*.png")] == ["blue"]
    assert states(rt, prediction.id) == [("move", "undone", None), ("move", "done", "blue")]
    review, prediction = review_of(database, question)
    assert values(review, "state", "label") == ("answered", "blue")
    assert values(prediction, "label", "corrected_label") == ("red", "blue")
    assert examples_of(database) == ["blue"]
    with database.read() as session:
        statement = select(AuditEntry).where(AuditEntry.what == "review.corrected")
        (entry,) = session.scalars(statement)
    assert (entry.before, entry.after) == ({"label": "red"}, {"label": "blue"})


def test_taken_back_before_anything_was_done_nothing_is_done_for_it(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    (question,) = ask(rt, api_source)
    answer(rt, colours, question, "red")
    assert correct(rt, colours, question, "green").undone == 1
    run(rt)
    _, prediction = review_of(database, question)
    assert [one[:2] for one in states(rt, prediction.id)] == [
        ("move", "failed"),
        ("move", "done"),
    ]
    assert [one.parent.name for one in rt.settings.sorted_dir.rglob("*.png")] == ["green"]


def test_taken_back_for_none_of_these_all_is_undone_and_it_can_be_labelled_again(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    (question,) = ask(rt, api_source)
    answer(rt, colours, question, "red")
    run(rt)
    done = correct(rt, colours, question, None)
    assert (done.undone, done.planned) == (1, 0)
    run(rt)
    review, prediction = review_of(database, question)
    assert list(rt.settings.sorted_dir.rglob("*.png")) == []
    assert values(review, "state", "label") == ("answered", None)
    assert values(prediction, "status", "label", "corrected_label") == ("done", None, None)
    assert examples_of(database) == [None]
    assert correct(rt, colours, question, "green").planned == 1
    run(rt)
    assert [one.parent.name for one in rt.settings.sorted_dir.rglob("*.png")] == ["green"]
    assert examples_of(database) == ["green"]


def test_an_alert_that_was_sent_stays_and_is_told_of(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    (question,) = ask(rt, api_source)
    checked = rules.check_actions(rt.settings, [ALERT])
    with database.write() as session:
        mine = session.get_one(Classifier, colours.id)
        rules.create_rule(session, mine, label="red", actions=checked)
    answer(rt, colours, question, "red")
    run(rt)
    assert correct(rt, colours, question, "blue").kept == 1
    assert correct(rt, colours, question, None).kept == 1


def test_copies_that_obeyed_are_put_right_too(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    first, copy = ask(rt, api_source), ask(rt, api_source)
    assert len(copy) == 2
    (question,) = first
    answer(rt, colours, question, "red")
    send(rt, api_source, "grey")
    run(rt)
    with database.read() as session:
        labels = list(session.scalars(select(Prediction.label)))
    assert labels == ["red"] * 3
    assert correct(rt, colours, question, "blue").planned == 3
    run(rt)
    moved = [one.parent.name for one in rt.settings.sorted_dir.rglob("*.png")]
    assert moved == ["blue"] * 3
    with database.read() as session:
        assert set(session.scalars(select(Review.label))) == {"blue"}


def test_listeners_hear_the_new_answer(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    (question,) = ask(rt, api_source)
    with database.write() as session:
        subscribe(session, colours, "review.answered")
    answer(rt, colours, question, "red")
    correct(rt, colours, question, "blue")
    correct(rt, colours, question, "blue")
    with database.read() as session:
        told = session.scalars(select(Event).order_by(Event.id)).all()
    assert [one.payload["label"] for one in told] == ["red", "blue"]


def code(caught: pytest.ExceptionInfo[ColabelError]) -> str:
    return caught.value.code


def test_who_may_take_an_answer_back(
    rt: Runtime,
    database: Database,
    colours: Classifier,
    api_source: SourceRef,
    charlie: Person,
) -> None:
    (question,) = ask(rt, api_source)
    with pytest.raises(Conflict) as early:
        correct(rt, colours, question, "blue")
    assert code(early) == "not_answered"
    answer(rt, colours, question, "red")
    with pytest.raises(Forbidden) as caught:
        correct(rt, colours, question, "blue", By("Rosa", "prs_rosa"))
    assert code(caught) == "not_your_answer"
    correct(rt, colours, question, "blue", By("Bob", "prs_bob", anybodys=True))
    review, _ = review_of(database, question)
    assert values(review, "label", "answered_by") == ("blue", "Bob")
    with database.write() as session, pytest.raises(NotFound):
        corrections.correct(
            session, rt.settings, charlie.workspace_id, question, "red", By("C", "prs_c", True)
        )


def test_of_two_who_answer_at_once_one_is_heard(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    (question,) = ask(rt, api_source)

    def second() -> str:
        with pytest.raises(Conflict) as caught:
            answer(rt, colours, question, "blue")
        return code(caught)

    def first(session: Any) -> None:
        reviews.answer(session, rt.settings, colours.workspace_id, question, None, "Bob")

    _, told, _ = meanwhile(database, first, second)
    assert told == "already_answered"
    assert review_of(database, question)[0].label is None
