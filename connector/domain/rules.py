"""When the answer is this label, do these actions: rules, their versions, what they plan."""

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
from connector.db.types import utcnow
from connector.domain import classifiers, digests
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
    label: str | None,
    actions: Sequence[CheckedAction],
    position: int | None = None,
    enabled: bool = True,
) -> Rule:
    """Add a rule. Raises Unprocessable for an unknown label, NotFound for a classifier named."""
    existing = list_rules(session, classifier)
    rule = Rule(
        rule_id=new_id("rule"),
        version=1,
        classifier_id=classifier.id,
        label=_check_label(session, classifier, label),
        actions=resolve_actions(session, classifier, actions),
        position=len(existing) if position is None else position,
        enabled=enabled,
    )
    session.add(rule)
    session.flush()
    return rule


def update_rule(session: Session, classifier: Classifier, rule_id: str, **changes: Any) -> Rule:
    """Replace the rule's version in force by one with these changes; the old one is kept.

    Raises as `create_rule`, and NotFound.
    """
    old = get_rule(session, classifier, rule_id)
    if "label" in changes:
        changes["label"] = _check_label(session, classifier, changes["label"])
    if "actions" in changes:
        changes["actions"] = resolve_actions(session, classifier, changes["actions"])
    fields = ("label", "actions", "position", "enabled")
    values = {name: changes.get(name, getattr(old, name)) for name in fields}
    old.current = False
    new = Rule(rule_id=rule_id, version=old.version + 1, classifier_id=classifier.id, **values)
    session.add(new)
    session.flush()
    return new


def delete_rule(session: Session, classifier: Classifier, rule_id: str) -> None:
    """Take a rule out of force; its versions stay, since actions name them. Raises NotFound.

    What it has gathered for a digest is not sent any more.
    """
    get_rule(session, classifier, rule_id).current = False
    digests.cancel_rule(session, rule_id)


def _check_label(session: Session, classifier: Classifier, label: str | None) -> str | None:
    if label is None:
        return None
    names = list(session.scalars(select(Label.name).where(Label.classifier_id == classifier.id)))
    if label not in names:
        known = ", ".join(f"“{name}”" for name in sorted(names)) or "none yet"
        raise Unprocessable(
            f"“{label}” is not a label of this classifier; its labels are: {known}.",
            code="unknown_label",
        )
    return label


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


class Planner:
    """Plans actions in the transaction that decides; rules are read once per classifier."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._rules: dict[str, list[Rule]] = {}

    def plan(self, prediction: Prediction) -> list[ActionRow]:
        """Add the actions that the rules in force foresee for this answer, in order."""
        planned: list[ActionRow] = []
        for rule in self._rules_of(prediction.classifier_id):
            if not rule.enabled or rule.label not in (None, prediction.label):
                continue
            for position, one in enumerate(rule.actions):
                planned.append(self._action(prediction, rule, position, one, len(planned)))
        if planned:
            self.session.add_all(planned)
            want(self.session, "act")
        return planned

    @staticmethod
    def _action(
        prediction: Prediction, rule: Rule, position: int, one: dict[str, Any], sequence: int
    ) -> ActionRow:
        return ActionRow(
            id=new_id("act"),
            workspace_id=prediction.workspace_id,
            prediction_id=prediction.id,
            rule_id=rule.rule_id,
            rule_version=rule.version,
            position=position,
            sequence=sequence,
            kind=one["kind"],
            params=one["params"],
            status="planned",
            detail={},
            journal={},
            created_at=utcnow(),
        )

    def _rules_of(self, classifier_id: str) -> list[Rule]:
        if classifier_id not in self._rules:
            statement = select(Rule).where(Rule.classifier_id == classifier_id, Rule.current)
            self._rules[classifier_id] = list(
                self.session.scalars(statement.order_by(Rule.position, Rule.rule_id))
            )
        return self._rules[classifier_id]
