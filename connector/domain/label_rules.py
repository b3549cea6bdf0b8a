"""Rules follow their label: to its new name, to the label it became part of, or out of force."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Rule


def follow(session: Session, classifier: Classifier, old: str, new: str) -> None:
    """Give the rules of label `old` a new version that names `new`; every version is kept.

    A rule that would do over again what a rule of `new` does already goes out of force instead.
    """
    there = _rules_of(session, classifier, new)
    for rule in _rules_of(session, classifier, old):
        rule.current = False
        if not any(_does_the_same(other, rule) for other in there):
            session.add(_version_for(rule, new))
    session.flush()


def retire(session: Session, classifier: Classifier, label: str) -> None:
    """Take the rules of a label that is no more out of force; their versions stay."""
    for rule in _rules_of(session, classifier, label):
        rule.current = False
    session.flush()


def _rules_of(session: Session, classifier: Classifier, label: str) -> list[Rule]:
    statement = select(Rule).where(
        Rule.classifier_id == classifier.id, Rule.current, Rule.label == label
    )
    return list(session.scalars(statement.order_by(Rule.position, Rule.rule_id)))


def _does_the_same(there: Rule, moved: Rule) -> bool:
    return there.actions == moved.actions and (there.enabled or not moved.enabled)


def _version_for(rule: Rule, label: str) -> Rule:
    return Rule(
        rule_id=rule.rule_id,
        version=rule.version + 1,
        classifier_id=rule.classifier_id,
        label=label,
        position=rule.position,
        enabled=rule.enabled,
        actions=rule.actions,
    )
