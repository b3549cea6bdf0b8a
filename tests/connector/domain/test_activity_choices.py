"""What there is to choose from: of one's own workspace, in force, by few queries."""

from __future__ import annotations

from typing import Any

from acting import MOVE, add_rule
from pagereading import queries

from connector.db import Database
from connector.db.tables import Classifier, Label
from connector.domain import activity_choices, classifiers, rules
from connector.domain.activity_choices import Choices
from connector.domain.conditions import When
from workers.runtime import Runtime

Person = Any
COPY = {"kind": "copy", "params": {"folder": "copies"}}


def choices(database: Database, workspace_id: str, within: str | None = None) -> Choices:
    with database.read() as session:
        return activity_choices.choices(session, workspace_id, within)


def test_rules_are_told_by_their_labels_and_what_they_do(
    rt: Runtime, database: Database, colours: Classifier
) -> None:
    add_rule(rt, colours, MOVE, COPY)
    with database.write() as session:
        mine = session.get_one(Classifier, colours.id)
        checked = rules.check_actions(rt.settings, [MOVE])
        red = rules.create_rule(session, mine, when=When(labels=("red", "blue")), actions=checked)
        gone = rules.create_rule(session, mine, label=None, actions=checked)
        rules.delete_rule(session, mine, gone.rule_id)
    found = choices(database, colours.workspace_id)
    every, some = found.rules[colours.id]
    assert (list(every.labels), list(every.kinds)) == ([], ["move", "copy"])
    assert (some.id, list(some.kinds)) == (red.rule_id, ["move"])
    assert sorted(some.labels) == ["blue", "red"]
    assert found.rule(red.rule_id) == some
    assert found.rule(gone.rule_id) is None
    assert {"move", "copy", "rotate", "tag", "alert", "classify"} <= set(found.kinds)


def test_the_first_way_in_is_the_api_and_it_has_no_name(
    database: Database, colours: Classifier
) -> None:
    first, *others = choices(database, colours.workspace_id).sources[colours.id]
    assert (first.kind, first.name) == ("api", "")
    assert "hook" in {one.kind for one in others}


def test_what_was_deleted_is_not_offered(
    database: Database, colours: Classifier, alice: Person
) -> None:
    with database.write() as session:
        gone = classifiers.create_classifier(
            session, alice.workspace_id, name="gone", labels=["stone", "sand"]
        )
        classifiers.delete_classifier(session, gone)
    found = choices(database, alice.workspace_id)
    assert found.classifiers == {colours.id: "colours"}
    assert list(found.sources) == [colours.id]
    assert found.labels == ["blue", "green", "red"]


def test_within_one_classifier_only_its_own_labels_and_rules_are_offered(
    rt: Runtime, database: Database, colours: Classifier, alice: Person
) -> None:
    with database.write() as session:
        other = classifiers.create_classifier(
            session, alice.workspace_id, name="Stones", labels=["stone", "sand"]
        )
    add_rule(rt, colours, MOVE)
    found = choices(database, alice.workspace_id, other.id)
    assert found.labels == ["sand", "stone"]
    assert found.rules == {}
    assert set(found.sources) == {other.id}


def test_charlie_is_offered_nothing_of_alices(
    rt: Runtime, database: Database, colours: Classifier, charlie: Person
) -> None:
    add_rule(rt, colours, MOVE)
    for within in (None, colours.id):
        found = choices(database, charlie.workspace_id, within)
        assert (found.classifiers, found.labels, found.sources, found.rules) == ({}, [], {}, {})


def test_twenty_classifiers_are_four_queries(database: Database, alice: Person) -> None:
    with database.write() as session:
        for number in range(20):
            made = classifiers.create_classifier(session, alice.workspace_id, name=f"c{number}")
            session.add(Label(classifier_id=made.id, name=f"l{number}", position=0))
    with queries(database) as sent:
        assert len(choices(database, alice.workspace_id).labels) == 20
    assert len(sent) == 4
