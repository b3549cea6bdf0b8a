"""One picture's whole journey: what it was answered, by whom, what was done and who was told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from acting import MOVE, actions, add_rule, run, send
from asking import ask, review_of
from colours import LABELS, picture
from pagereading import queries

from connector.db import Database
from connector.db.tables import Classifier, Prediction, Rule
from connector.domain import classifiers, corrections, examples, journeys, outbound, reviews, rules
from connector.domain.corrections import By
from connector.domain.journeys import Journey
from connector.domain.outbound import Subscription
from connector.domain.predictions import SourceRef
from connector.errors import NotFound
from connector.storage import LocalBlobs
from workers.runtime import Runtime

Person = Any
COPY = {"kind": "copy", "params": {"folder": "copies"}}
ANNA = By("Anna", "prs_anna")


def way(database: Database, workspace_id: str, prediction_id: str) -> Journey:
    with database.read() as session:
        return journeys.journey(session, workspace_id, prediction_id)


def answer(rt: Runtime, mine: Classifier, review_id: str, label: str | None) -> None:
    with rt.database.write() as session:
        reviews.answer(
            session, rt.settings, mine.workspace_id, review_id, label, ANNA.name, ANNA.person_id
        )


def test_a_sorted_picture_was_looked_at_moved_and_told_of(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE, COPY)
    with database.write() as session:
        told = Subscription("https://listener.example/", ("prediction.completed",), {})
        outbound.create_webhook(session, colours.workspace_id, told)
    sent = send(rt, api_source)
    waiting = way(database, colours.workspace_id, sent)
    assert (waiting.moving, list(waiting.sure), list(waiting.steps)) == (True, [], [])
    run(rt)
    found = way(database, colours.workspace_id, sent)
    assert found.sure[0].label == "red"
    assert [one.confidence for one in found.sure] == sorted(
        (one.confidence for one in found.sure), reverse=True
    )
    assert [one.action.kind for one in found.steps] == ["move", "copy"]
    assert {one.rule.version for one in found.steps if one.rule} == {1}
    assert [(one.event_type, one.row.url) for one in found.told] == [
        ("prediction.completed", "https://listener.example/")
    ]
    assert found.source.kind == "api"
    assert found.version is not None
    assert found.version.number == 1
    assert (found.review, found.undo, found.wrong) == (None, None, None)
    # It is not delivered yet, as nothing here delivers.
    assert found.moving


def test_the_examples_most_like_it_stand_beside_the_likeliest_labels(
    rt: Runtime, database: Database, blobs: LocalBlobs, colours: Classifier, api_source: SourceRef
) -> None:
    for colour in LABELS:
        send(rt, api_source, colour, seed=20)
    run(rt)
    with database.write() as session:
        mine = session.get_one(Classifier, colours.id)
        for colour in LABELS:
            data = picture(colour, seed=20)
            examples.add_example(
                session, blobs, rt.settings, mine, data, colour, f"{colour}.png", "test"
            )
    [question] = ask(rt, api_source)
    prediction = review_of(database, question)[1]
    found = way(database, colours.workspace_id, prediction.id)
    assert {one.label for one in found.sure} == set(LABELS)
    likes = [[like.name for like in one.likes] for one in found.sure]
    assert likes == [[f"{found.sure[0].label}.png"], [f"{found.sure[1].label}.png"], []]


def test_who_was_asked_and_answered_is_told(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    [question] = ask(rt, api_source)
    prediction = review_of(database, question)[1]
    asked = way(database, colours.workspace_id, prediction.id)
    assert asked.review is not None
    assert (asked.review.state, asked.prediction.status) == ("open", "needs_review")
    answer(rt, colours, question, "blue")
    run(rt)
    found = way(database, colours.workspace_id, prediction.id)
    assert found.review is not None
    assert (found.review.label, found.review.answered_by) == ("blue", "Anna")


def test_an_answer_that_does_not_fit_what_was_done_says_what_puts_it_right(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    sent = send(rt, api_source)
    run(rt)
    with database.write() as session:
        session.get_one(Prediction, sent).corrected_label = "blue"
    found = way(database, colours.workspace_id, sent)
    assert found.wrong is not None
    assert [one.kind for one in found.wrong.undo] == ["move"]
    with database.write() as session:
        corrections.correct_picture(session, rt.settings, colours.workspace_id, sent, "blue", ANNA)
    being = way(database, colours.workspace_id, sent)
    assert being.undo is not None
    assert (being.wrong, being.moving) == (None, True)
    run(rt)
    right = way(database, colours.workspace_id, sent)
    assert (right.undo, right.wrong) == (None, None)
    assert [one.action.status for one in right.steps] == ["undone", "done"]
    assert Path(right.prediction.location["path"]).parent.name == "blue"


def test_a_rule_that_was_changed_or_deleted_is_told_as_it_was(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    sent = send(rt, api_source)
    run(rt)
    with database.write() as session:
        [rule] = session.query(Rule).filter_by(current=True)
        rules.delete_rule(session, session.get_one(Classifier, colours.id), rule.rule_id)
    [step] = way(database, colours.workspace_id, sent).steps
    assert step.rule is not None
    assert step.rule.actions[0]["kind"] == "move"
    assert not step.rule.current


def test_a_deleted_classifiers_pictures_keep_their_journey(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    sent = send(rt, api_source)
    run(rt)
    with database.write() as session:
        classifiers.delete_classifier(session, session.get_one(Classifier, colours.id))
    found = way(database, colours.workspace_id, sent)
    assert found.classifier.deleted_at is not None
    assert [one.action.kind for one in found.steps] == ["move"]


def test_it_is_about_ten_queries_however_much_was_done(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE, COPY, COPY, COPY)
    add_rule(rt, colours, {"kind": "rotate", "params": {"degrees": 90}})
    sent = send(rt, api_source)
    run(rt)
    assert len(actions(rt, sent)) == 5
    with queries(database) as asked:
        way(database, colours.workspace_id, sent)
    assert len(asked) <= 11


def test_charlie_finds_no_journey(
    rt: Runtime, database: Database, api_source: SourceRef, charlie: Person
) -> None:
    sent = send(rt, api_source)
    for wanted in (sent, "pred_nothing"):
        with pytest.raises(NotFound):
            way(database, charlie.workspace_id, wanted)
