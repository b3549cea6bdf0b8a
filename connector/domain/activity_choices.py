"""What there is to choose from when somebody looks for pictures, by four queries in all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.db.tables import Classifier, Label, Rule, Source
from connector.domain import conditions
from connector.domain.classifiers import API

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True)
class SourceChoice:
    """A way in; `name` is empty for the API's own and for a classifier's first hook."""

    id: str
    kind: str
    name: str


@dataclass(frozen=True)
class RuleChoice:
    """A rule in force: the labels that it is for (none: any), and what it does."""

    id: str
    labels: Sequence[str]
    kinds: Sequence[str]


@dataclass(frozen=True)
class Choices:
    """Classifiers by id; sources and rules by the id of their classifier; names of labels."""

    classifiers: dict[str, str]
    labels: list[str]
    sources: dict[str, list[SourceChoice]]
    rules: dict[str, list[RuleChoice]]
    kinds: list[str]

    def rule(self, rule_id: str) -> RuleChoice | None:
        """Return a rule that is in force, None for any other."""
        return next(
            (one for some in self.rules.values() for one in some if one.id == rule_id), None
        )


def choices(session: Session, workspace_id: str, classifier_id: str | None = None) -> Choices:
    """Return what a workspace has, or one of its classifiers."""
    mine: list[ColumnElement[bool]] = [
        Classifier.workspace_id == workspace_id,
        Classifier.deleted_at.is_(None),
    ]
    named = select(Classifier.id, Classifier.name).where(*mine).order_by(Classifier.name)
    if classifier_id is not None:
        mine.append(Classifier.id == classifier_id)
    labels = select(Label.name).join(Classifier, Classifier.id == Label.classifier_id)
    return Choices(
        dict(session.execute(named).all()),
        sorted(set(session.scalars(labels.where(*mine)))),
        _sources(session, mine),
        _rules(session, mine),
        sorted(action_kinds.registry()),
    )


def _sources(session: Session, mine: Conditions) -> dict[str, list[SourceChoice]]:
    statement = (
        select(Source.id, Source.kind, Source.name, Source.classifier_id)
        .join(Classifier, Classifier.id == Source.classifier_id)
        .where(*mine, Source.deleted_at.is_(None))
        .order_by(Source.kind != API, Source.id)
    )
    found: dict[str, list[SourceChoice]] = {}
    for row in session.execute(statement):
        found.setdefault(row.classifier_id, []).append(SourceChoice(row.id, row.kind, row.name))
    return found


def _rules(session: Session, mine: Conditions) -> dict[str, list[RuleChoice]]:
    statement = (
        select(Rule)
        .join(Classifier, Classifier.id == Rule.classifier_id)
        .where(*mine, Rule.current)
        .order_by(Rule.position, Rule.rule_id)
    )
    found: dict[str, list[RuleChoice]] = {}
    for row in session.scalars(statement):
        labels = conditions.of_rule(row).get("labels", [])
        kinds = [one["kind"] for one in row.actions]
        found.setdefault(row.classifier_id, []).append(RuleChoice(row.rule_id, labels, kinds))
    return found
