"""Drafts of rules: rehearsed in their place, and adopted only where nothing changed meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from connector.db import Database
from connector.db.tables import Classifier, Rule, Study
from connector.domain import conditions, rule_drafts, rules, studies
from connector.domain.conditions import When
from connector.domain.rules import CheckedAction
from connector.errors import Conflict, NotFound, Unprocessable
from connector.settings import Settings


@pytest.fixture
def move(settings: Settings) -> list[CheckedAction]:
    """Into a folder of its label."""
    return rules.check_actions(settings, [{"kind": "move", "params": {"folder": "{label}"}}])


def when(**values: Any) -> When:
    return When.model_validate(values)


def in_force(database: Database, classifier: Classifier) -> list[Rule]:
    with database.read() as session:
        return rules.list_rules(session, classifier)


def test_a_new_one_is_rehearsed_after_the_rules_that_are_on(
    database: Database, colours: Classifier, move: list[CheckedAction]
) -> None:
    with database.write() as session:
        rules.create_rule(session, colours, label="red", actions=move)
        rules.create_rule(session, colours, label="blue", actions=move, enabled=False)
        wanted = rule_drafts.draft(session, colours, when(labels=["green"]), move)
        study = rule_drafts.rehearse(session, colours, wanted, 30)
        params = study.params
    assert params["about"] == 1
    assert [one["when"] for one in params["rules"]] == [{"labels": ["red"]}, {"labels": ["green"]}]
    assert (params["days"], params["draft"]["rule_id"]) == (30, None)


def test_a_changed_one_is_rehearsed_in_its_old_place_even_if_that_is_off(
    database: Database, colours: Classifier, move: list[CheckedAction]
) -> None:
    with database.write() as session:
        old = rules.create_rule(session, colours, label="red", actions=move, enabled=False)
        rules.create_rule(session, colours, label="blue", actions=move)
        wanted = rule_drafts.draft(session, colours, when(labels=["green"]), move, old)
        params = rule_drafts.rehearse(session, colours, wanted, 7).params
    assert params["about"] == 0
    assert [one["when"] for one in params["rules"]] == [{"labels": ["green"]}, {"labels": ["blue"]}]


def test_a_draft_is_checked_as_a_rule_is(
    database: Database, colours: Classifier, move: list[CheckedAction]
) -> None:
    with database.write() as session, pytest.raises(Unprocessable) as caught:
        rule_drafts.draft(session, colours, when(labels=["purple"]), move)
    assert caught.value.code == "unknown_label"


def test_what_was_rehearsed_comes_into_force(
    database: Database, settings: Settings, colours: Classifier, move: list[CheckedAction]
) -> None:
    with database.write() as session:
        wanted = rule_drafts.draft(session, colours, when(labels=["green"]), move)
        study = rule_drafts.rehearse(session, colours, wanted, 30)
        kept = rule_drafts.of_study(study)
    assert kept == wanted
    actions = rule_drafts.recheck(settings, kept)
    with database.write() as session:
        rule_drafts.adopt(session, colours, kept, actions)
    (made,) = in_force(database, colours)
    assert (made.enabled, conditions.of_rule(made)) == (True, {"labels": ["green"]})
    # A rule that was off comes on with what was rehearsed.
    with database.write() as session:
        rules.update_rule(session, colours, made.rule_id, enabled=False)
        off = rules.get_rule(session, colours, made.rule_id)
        changed = rule_drafts.draft(session, colours, when(labels=["red"]), move, off)
        rule_drafts.adopt(session, colours, changed, actions)
    (now,) = in_force(database, colours)
    assert (now.enabled, now.version, conditions.of_rule(now)) == (True, 3, {"labels": ["red"]})


def test_what_was_changed_or_deleted_meanwhile_is_left_alone(
    database: Database, colours: Classifier, move: list[CheckedAction]
) -> None:
    with database.write() as session:
        row = rules.create_rule(session, colours, label="red", actions=move)
        wanted = rule_drafts.draft(session, colours, when(labels=["green"]), move, row)
        rules.update_rule(session, colours, row.rule_id, enabled=False)
        rule_id = row.rule_id
    with database.write() as session, pytest.raises(Conflict) as caught:
        rule_drafts.adopt(session, colours, wanted, move)
    assert caught.value.code == "rule_changed"
    (now,) = in_force(database, colours)
    assert conditions.of_rule(now) == {"labels": ["red"]}
    with database.write() as session:
        rules.delete_rule(session, colours, rule_id)
    with database.write() as session, pytest.raises(NotFound):
        rule_drafts.adopt(session, colours, wanted, move)


def test_other_studies_hold_no_draft(database: Database, colours: Classifier) -> None:
    with database.write() as session:
        made = studies.request(session, colours, studies.REHEARSAL, {"days": 30})
        study_id = made.id
    with database.read() as session, pytest.raises(NotFound):
        rule_drafts.of_study(session.get_one(Study, study_id))
