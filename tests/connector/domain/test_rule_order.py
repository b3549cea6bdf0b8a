"""Rules change places by a step, whatever their positions were."""

from __future__ import annotations

import pytest

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import rule_order, rules
from connector.errors import NotFound
from connector.settings import Settings


def order(database: Database, classifier: Classifier) -> list[str]:
    with database.read() as session:
        return [str(one.label) for one in rules.list_rules(session, classifier)]


@pytest.fixture
def ids(database: Database, settings: Settings, colours: Classifier) -> dict[str, str]:
    """Three rules, two of which were given the same position."""
    move = rules.check_actions(settings, [{"kind": "move", "params": {"folder": "x"}}])
    found = {}
    with database.write() as session:
        for label, position in (("red", 0), ("green", 5), ("blue", 5)):
            row = rules.create_rule(session, colours, label=label, actions=move, position=position)
            found[label] = row.rule_id
    return found


def test_a_step_up_and_down(database: Database, colours: Classifier, ids: dict[str, str]) -> None:
    assert order(database, colours) == ["red", "green", "blue"]
    with database.write() as session:
        rule_order.shift(session, colours, ids["blue"], "up")
    assert order(database, colours) == ["red", "blue", "green"]
    with database.write() as session:
        rule_order.shift(session, colours, ids["red"], "down")
    assert order(database, colours) == ["blue", "red", "green"]
    with database.read() as session:
        assert [one.position for one in rules.list_rules(session, colours)] == [0, 1, 2]


def test_at_an_end_nothing_happens(
    database: Database, colours: Classifier, ids: dict[str, str]
) -> None:
    with database.write() as session:
        rule_order.shift(session, colours, ids["red"], "up")
        rule_order.shift(session, colours, ids["blue"], "down")
    with database.read() as session:
        assert [one.version for one in rules.list_rules(session, colours)] == [1, 1, 1]


def test_of_another_classifier_it_is_not_found(
    database: Database, colours: Classifier, ids: dict[str, str]
) -> None:
    other = Classifier(id="clf_other", workspace_id=colours.workspace_id, name="x")
    with database.write() as session, pytest.raises(NotFound):
        rule_order.shift(session, other, ids["red"], "down")
    assert order(database, colours) == ["red", "green", "blue"]
