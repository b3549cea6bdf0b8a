"""Rules follow their labels: to a new name, to the label one became part of, or out of force."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Rule
from connector.domain import conditions


def follow(session: Session, classifier: Classifier, old: str, new: str) -> None:
    """Give the rules of label `old` a new version that names `new`; every version is kept.

    A rule that would do over again what another does already goes out of force instead.
    """
    rules = _in_force(session, classifier)
    there = [rule for rule in rules if old not in _labels(rule)]
    for rule in rules:
        if old not in _labels(rule):
            continue
        when = conditions.of_rule(rule)
        named = [new if label == old else label for label in when["labels"]]
        moved = _version_for(rule, when | {"labels": list(dict.fromkeys(named))})
        rule.current = False
        if not any(_does_the_same(other, moved) for other in there):
            session.add(moved)
    session.flush()


def retire(session: Session, classifier: Classifier, label: str) -> None:
    """Take a label that is no more out of its rules; those of no other go out of force."""
    for rule in _in_force(session, classifier):
        if label not in _labels(rule):
            continue
        rule.current = False
        when = conditions.of_rule(rule)
        if left := [name for name in when["labels"] if name != label]:
            session.add(_version_for(rule, when | {"labels": left}))
    session.flush()


def _in_force(session: Session, classifier: Classifier) -> list[Rule]:
    statement = select(Rule).where(Rule.classifier_id == classifier.id, Rule.current)
    return list(session.scalars(statement.order_by(Rule.position, Rule.rule_id)))


def _labels(rule: Rule) -> list[str]:
    labels: list[str] = conditions.of_rule(rule).get("labels", [])
    return labels


def _does_the_same(there: Rule, moved: Rule) -> bool:
    same = conditions.of_rule(there) == conditions.of_rule(moved)
    return same and there.actions == moved.actions and (there.enabled or not moved.enabled)


def _version_for(rule: Rule, when: dict[str, Any]) -> Rule:
    return Rule(
        rule_id=rule.rule_id,
        version=rule.version + 1,
        classifier_id=rule.classifier_id,
        **conditions.columns(when),
        position=rule.position,
        enabled=rule.enabled,
        actions=rule.actions,
    )
