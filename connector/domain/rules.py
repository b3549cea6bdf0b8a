"""When the answer is such, do these actions: rules, their versions, what they plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.actions import Action, ActionParams
from connector.db.session import want
from connector.db.tables import Action as ActionRow
from connector.db.tables import Classifier, Label, Prediction, Rule
from connector.db.types import Json, utcnow
from connector.domain import audit_log, classifiers, conditions, digests, source_names
from connector.domain.conditions import Facts, When
from connector.errors import NotFound, Unprocessable
from connector.ids import new_id
from connector.settings import Settings

MAX_ACTIONS = 10


def list_rules(session: Session, classifier: Classifier) -> list[Rule]:
    """Return the rules in force, in the order in which they are tried."""
    statement = select(Rule).where(Rule.classifier_id == classifier.id, Rule.current)
    return list(session.scalars(statement.order_by(Rule.position, Rule.rule_id)))


def get_rule(session: Session, classifier: Classifier, rule_id: str) -> Rule:
    """Return the rule's version in force. Raises NotFound."""
    statement = select(Rule).where(
        Rule.rule_id == rule_id, Rule.classifier_id == classifier.id, Rule.current
    )
    found = session.scalars(statement).first()
    if found is None:
        raise NotFound(f"There is no rule {rule_id} on this classifier; list them to see which.")
    return found


@dataclass(frozen=True)
class CheckedAction:
    """An action that a rule may carry out, as `check_actions` makes them."""

    kind: Action[Any]
    params: ActionParams


def create_rule(
    session: Session,
    classifier: Classifier,
    *,
    label: str | None = None,
    when: When | None = None,
    actions: Sequence[CheckedAction],
    position: int | None = None,
    enabled: bool = True,
) -> Rule:
    """Add a rule that holds for answers of `label` (None: any), or when `when` says.

    Raises Unprocessable for an unknown label or source, NotFound for a classifier named.
    """
    existing = list_rules(session, classifier)
    rule = Rule(
        rule_id=new_id("rule"),
        version=1,
        classifier_id=classifier.id,
        **conditions.columns(checked_when(session, classifier, label, when)),
        actions=resolve_actions(session, classifier, actions),
        position=len(existing) if position is None else position,
        enabled=enabled,
    )
    session.add(rule)
    session.flush()
    audit_log.note_in(session, classifier, "rule.created", rule.rule_id, after=_brief(rule))
    return rule


def update_rule(session: Session, classifier: Classifier, rule_id: str, **changes: Any) -> Rule:
    """Replace the rule's version in force by one with these changes; the old one is kept.

    Raises as `create_rule`, and NotFound.
    """
    old = get_rule(session, classifier, rule_id)
    if "label" in changes or "when" in changes:
        found = checked_when(session, classifier, changes.get("label"), changes.get("when"))
        changes |= conditions.columns(found)
    if "actions" in changes:
        changes["actions"] = resolve_actions(session, classifier, changes["actions"])
    fields = ("label", "conditions", "actions", "position", "enabled")
    values = {name: changes.get(name, getattr(old, name)) for name in fields}
    old.current = False
    new = Rule(rule_id=rule_id, version=old.version + 1, classifier_id=classifier.id, **values)
    session.add(new)
    session.flush()
    audit_log.note_in(
        session, classifier, "rule.changed", rule_id, before=_brief(old), after=_brief(new)
    )
    return new


def delete_rule(session: Session, classifier: Classifier, rule_id: str) -> None:
    """Take a rule out of force; its versions stay, since actions name them. Raises NotFound.

    What it has gathered for a digest is not sent any more.
    """
    rule = get_rule(session, classifier, rule_id)
    rule.current = False
    digests.cancel_rule(session, rule_id)
    audit_log.note_in(session, classifier, "rule.deleted", rule_id, before=_brief(rule))


def _brief(rule: Rule) -> Json:
    shown = audit_log.brief(rule, "version", "position", "enabled")
    return {
        **shown,
        "when": conditions.of_rule(rule),
        "actions": audit_log.shown_actions(rule.actions),
    }


def list_versions(session: Session, classifier: Classifier, rule_id: str) -> list[Rule]:
    """Return every version of a rule, the latest first. Raises NotFound."""
    statement = select(Rule).where(Rule.rule_id == rule_id, Rule.classifier_id == classifier.id)
    found = list(session.scalars(statement.order_by(Rule.version.desc())))
    if not found:
        raise NotFound(f"There is no rule {rule_id} on this classifier; list them to see which.")
    return found


def checked_when(
    session: Session, classifier: Classifier, label: str | None, when: When | None
) -> dict[str, Any]:
    """Return when a rule is to hold, as it is kept: sources by their ids.

    Raises Unprocessable (unknown_label, bad_condition) for what this classifier does not have.
    """
    if when is None:
        when = When.model_validate({})
    if label is not None:
        if when.labels is not None:
            raise Unprocessable(
                "Say the labels once: either as label or as when.labels.", code="bad_condition"
            )
        when = when.model_copy(update={"labels": [label]})
    for name in when.labels or ():
        _check_label(session, classifier, name)
    if when.sources is not None:
        ids = [_source_id(session, classifier, one) for one in when.sources]
        when = when.model_copy(update={"sources": list(dict.fromkeys(ids))})
    if when.labels is not None:
        when = when.model_copy(update={"labels": list(dict.fromkeys(when.labels))})
    return when.kept()


def _source_id(session: Session, classifier: Classifier, id_or_name: str) -> str:
    try:
        return source_names.find_source(session, classifier, id_or_name).id
    except NotFound as error:
        raise Unprocessable(error.detail, code="bad_condition") from error


def _check_label(session: Session, classifier: Classifier, label: str) -> None:
    names = list(session.scalars(select(Label.name).where(Label.classifier_id == classifier.id)))
    if label not in names:
        known = ", ".join(f"“{name}”" for name in sorted(names)) or "none yet"
        raise Unprocessable(
            f"“{label}” is not a label of this classifier; its labels are: {known}.",
            code="unknown_label",
        )


def check_actions(settings: Settings, actions: Sequence[dict[str, Any]]) -> list[CheckedAction]:
    """Check actions as a person gave them: before the transaction, since names are looked up.

    Raises Unprocessable with what is wrong, and what the action's own check raises.
    """
    if not 1 <= len(actions) <= MAX_ACTIONS:
        raise Unprocessable(f"A rule has 1 to {MAX_ACTIONS} actions.", code="bad_actions")
    return [_check_action(settings, number, one) for number, one in enumerate(actions, 1)]


def _check_action(settings: Settings, number: int, given: dict[str, Any]) -> CheckedAction:
    kind = action_kinds.get_action(str(given.get("kind")))
    try:
        params = kind.Params.model_validate(given.get("params", {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "params"
        reason = first["msg"].removeprefix("Value error, ")
        raise Unprocessable(
            f"Action {number} ({kind.kind}): {where}: {reason}.", code="bad_action_params"
        ) from error
    kind.check(params, settings)
    return CheckedAction(kind, params)


def resolve_actions(
    session: Session, classifier: Classifier, actions: Sequence[CheckedAction]
) -> list[dict[str, Any]]:
    """Return checked actions in the form they are kept in, with ids in the place of names.

    Raises NotFound for a classifier that is not there, Unprocessable for this very one.
    """

    def find_classifier(id_or_name: str) -> str:
        other = classifiers.find_classifier(session, classifier.workspace_id, id_or_name)
        if other.id == classifier.id:
            raise Unprocessable(
                "A classifier cannot hand its pictures on to itself; name another one.",
                code="bad_action_params",
            )
        return other.id

    return [
        {
            "kind": one.kind.kind,
            "params": one.kind.resolve(one.params, find_classifier).model_dump(
                mode="json", exclude_none=True
            ),
        }
        for one in actions
    ]


def describe(actions: Sequence[dict[str, Any]]) -> list[str]:
    """Return one sentence per (checked) action."""
    sentences = []
    for one in actions:
        kind = action_kinds.get_action(one["kind"])
        sentences.append(kind.describe(kind.Params.model_validate(one["params"])))
    return sentences


@dataclass(frozen=True)
class Foreseen:
    """An action that a rule in force has for an answer."""

    rule: Rule
    position: int
    kind: str
    params: Json


def _planned(prediction: Prediction, one: Foreseen, *, sequence: int, position: int) -> ActionRow:
    return ActionRow(
        id=new_id("act"),
        workspace_id=prediction.workspace_id,
        prediction_id=prediction.id,
        rule_id=one.rule.rule_id,
        rule_version=one.rule.version,
        position=position,
        sequence=sequence,
        kind=one.kind,
        params=one.params,
        status="planned",
        detail={},
        journal={},
        created_at=utcnow(),
    )


class Planner:
    """Plans actions in the transaction that decides; rules are read once per classifier."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._rules: dict[str, list[Rule]] = {}

    def foreseen(self, classifier_id: str, facts: Facts) -> list[Foreseen]:
        """Return what the rules in force foresee for this answer, in order."""
        return [
            Foreseen(rule, position, one["kind"], one["params"])
            for rule in self._rules_of(classifier_id)
            if rule.enabled and conditions.holds(conditions.of_rule(rule), facts)
            for position, one in enumerate(rule.actions)
        ]

    def plan(self, prediction: Prediction) -> list[ActionRow]:
        """Add the actions that the rules in force foresee for this answer, in order."""
        found = self.foreseen(prediction.classifier_id, Facts.of(prediction))
        planned = [
            _planned(prediction, one, sequence=sequence, position=one.position)
            for sequence, one in enumerate(found)
        ]
        return self._add(planned)

    def plan_again(
        self,
        prediction: Prediction,
        foreseen: Sequence[Foreseen],
        before: Sequence[ActionRow],
        *,
        label: str,
        after_undo: str | None,
    ) -> list[ActionRow]:
        """Add actions for a corrected answer; `before`: all that were planned for it so far.

        Those of one undo wait for it.
        """
        sequence = 1 + max((one.sequence for one in before), default=-1)
        # A rule may act on a picture anew: its actions' positions are counted on in rounds.
        last = max((one.position for one in before), default=-1)
        base = (last // MAX_ACTIONS + 1) * MAX_ACTIONS
        planned = [
            _planned(prediction, one, sequence=sequence + number, position=base + one.position)
            for number, one in enumerate(foreseen)
        ]
        for action in planned:
            action.label, action.after_undo = label, after_undo
        return self._add(planned)

    def _add(self, planned: list[ActionRow]) -> list[ActionRow]:
        if planned:
            self.session.add_all(planned)
            want(self.session, "act")
        return planned

    def _rules_of(self, classifier_id: str) -> list[Rule]:
        if classifier_id not in self._rules:
            statement = select(Rule).where(Rule.classifier_id == classifier_id, Rule.current)
            self._rules[classifier_id] = list(
                self.session.scalars(statement.order_by(Rule.position, Rule.rule_id))
            )
        return self._rules[classifier_id]
