"""Rules follow their label."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import Classifier, Rule
from connector.domain import classifiers, conditions, label_rules, labels, rules

COPY = [{"kind": "copy", "params": {"folder": "{label}"}}]
MOVE = [{"kind": "move", "params": {"folder": "{label}"}}]


@pytest.fixture
def made(database: Database, insects: Classifier) -> dict[str, str]:
    """A rule for each label, and one for any: name -> id."""
    wanted: list[tuple[str, str | None, Any]] = [
        ("ants", "ant", COPY),
        ("more ants", "ant", MOVE),
        ("bees", "bee", COPY),
        ("any", None, COPY),
    ]
    with database.write() as session:
        rows = [
            Rule(rule_id=f"rule_{name}", classifier_id=insects.id, label=label, actions=actions)
            for name, label, actions in wanted
        ]
        session.add_all(rows)
        return {name: f"rule_{name}" for name, _, _ in wanted}


def test_rules_for_several_labels_follow_each_of_them(
    database: Database, insects: Classifier
) -> None:
    when = {"labels": ["ant", "bee"], "min_confidence": 0.9}
    with database.write() as session:
        session.add(
            Rule(
                rule_id="rule_both",
                classifier_id=insects.id,
                **conditions.columns(when),
                actions=COPY,
            )
        )
    ant, bee = (label_id(database, insects, name) for name in ("ant", "bee"))
    with database.write() as session:
        labels.rename_label(session, insects, ant, "emmet")
    assert asked(database, insects) == [{"labels": ["emmet", "bee"], "min_confidence": 0.9}]
    with database.write() as session:
        labels.merge_labels(session, insects, bee, ant)
    assert asked(database, insects) == [{"labels": ["emmet"], "min_confidence": 0.9}]


def test_a_label_that_is_no_more_leaves_the_others_in_their_rule(
    database: Database, insects: Classifier
) -> None:
    when = {"labels": ["ant", "bee"], "decided_by": "model"}
    with database.write() as session:
        session.add(Rule(classifier_id=insects.id, **conditions.columns(when), actions=COPY))
        label_rules.retire(session, insects, "ant")
    assert asked(database, insects) == [{"labels": ["bee"], "decided_by": "model"}]
    with database.write() as session:
        label_rules.retire(session, insects, "bee")
    assert asked(database, insects) == []


def asked(database: Database, classifier: Classifier) -> list[dict[str, Any]]:
    with database.read() as session:
        return [conditions.of_rule(row) for row in rules.list_rules(session, classifier)]


def in_force(database: Database, classifier: Classifier) -> dict[str, tuple[str | None, int]]:
    with database.read() as session:
        rows = rules.list_rules(session, classifier)
        return {row.rule_id.removeprefix("rule_"): (row.label, row.version) for row in rows}


def label_id(database: Database, classifier: Classifier, name: str) -> str:
    with database.read() as session:
        return classifiers.find_label(session, classifier, name).id


def test_rules_of_a_renamed_label_have_a_new_version_with_its_name(
    database: Database, insects: Classifier, made: dict[str, str]
) -> None:
    ant = label_id(database, insects, "ant")
    with database.write() as session:
        labels.rename_label(session, insects, ant, "emmet")
    assert in_force(database, insects) == {
        "ants": ("emmet", 2),
        "more ants": ("emmet", 2),
        "bees": ("bee", 1),
        "any": (None, 1),
    }
    with database.read() as session:
        versions = session.scalars(
            select(Rule).where(Rule.rule_id == made["ants"]).order_by(Rule.version)
        ).all()
        assert [(one.label, one.current) for one in versions] == [("ant", False), ("emmet", True)]
        assert versions[0].actions == versions[1].actions


def test_merging_moves_rules_and_nothing_is_done_twice(
    database: Database, insects: Classifier, made: dict[str, str]
) -> None:
    """Ants and bees are both copied: their one label is copied once, and moved as ants were."""
    ant, bee = (label_id(database, insects, name) for name in ("ant", "bee"))
    with database.write() as session:
        labels.merge_labels(session, insects, ant, bee)
    assert in_force(database, insects) == {
        "more ants": ("bee", 2),
        "bees": ("bee", 1),
        "any": (None, 1),
    }


def test_a_rule_that_is_switched_off_does_not_stand_in_for_one_that_is_on(
    database: Database, insects: Classifier, made: dict[str, str]
) -> None:
    with database.write() as session:
        rules.get_rule(session, insects, made["bees"]).enabled = False
    ant, bee = (label_id(database, insects, name) for name in ("ant", "bee"))
    with database.write() as session:
        labels.merge_labels(session, insects, ant, bee)
    assert in_force(database, insects)["ants"] == ("bee", 2)


def test_rules_of_a_removed_label_go_out_of_force(
    database: Database, insects: Classifier, made: dict[str, str]
) -> None:
    ant = label_id(database, insects, "ant")
    with database.write() as session:
        labels.remove_label(session, insects, ant)
    assert in_force(database, insects) == {"bees": ("bee", 1), "any": (None, 1)}
    with database.read() as session:
        assert len(session.scalars(select(Rule)).all()) == 4
