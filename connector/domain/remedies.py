"""What follows from a corrected answer: what is to be undone, and what done instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.db.tables import Action, Classifier, Prediction
from connector.db.types import Json
from connector.domain import aliases, effects, resources, rules
from connector.domain.conditions import Facts
from connector.domain.rules import Foreseen, Planner


@dataclass
class Remedy:
    """What puts a picture right for `label`, by the rules in force now.

    `undo`: done actions that do not follow any more, the last first; `cannot_undo`: those of them
    that cannot be undone; `cancel`: those that wait for their turn or their digest; `do`: what the
    rules foresee and was not done.
    """

    label: str
    undo: list[Action] = field(default_factory=list)
    cannot_undo: list[Action] = field(default_factory=list)
    cancel: list[Action] = field(default_factory=list)
    do: list[Foreseen] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Say whether all is as it should be."""
        return not (self.undo or self.cannot_undo or self.cancel or self.do)


def correction(classifier: Classifier, prediction: Prediction) -> str | None:
    """Return the label that a person gave to an answer that stood, by its present name."""
    if prediction.corrected_label is None or prediction.decided_at is None:
        return None
    found = aliases.renamed_since(
        prediction.corrected_label, prediction.decided_at, classifier.aliases
    )
    return found or prediction.corrected_label


def remedy(session: Session, prediction: Prediction, label: str) -> Remedy:
    """Say what would put this picture right, and change nothing."""
    return compare(session, prediction, label, actions_of(session, prediction, lock=False))


def offer(session: Session, prediction: Prediction, public_url: str) -> dict[str, Any] | None:
    """Return what would put a corrected prediction right; None when all is as it should be."""
    classifier = session.get_one(Classifier, prediction.classifier_id)
    label = correction(classifier, prediction)
    found = remedy(session, prediction, label) if label is not None else None
    if found is None or found.empty:
        return None
    return resource(found, prediction.id, public_url)


def actions_of(session: Session, prediction: Prediction, *, lock: bool) -> list[Action]:
    """Return what was planned for a prediction, in order; `lock`: held by this transaction."""
    statement = select(Action).where(Action.prediction_id == prediction.id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(statement.order_by(Action.id)).all()
    return sorted(found, key=lambda one: one.sequence)


def nothing_left(rows: Sequence[Action]) -> Remedy:
    """Return what takes back all that was planned for a picture: for when no label is right."""
    found = Remedy("")
    for row in rows:
        if row.status in ("planned", "waiting"):
            found.cancel.append(row)
        elif row.status == "done" and action_kinds.get_action(row.kind).undoable:
            found.undo.insert(0, row)
        elif row.status == "done":
            found.cannot_undo.append(row)
    return found


def compare(session: Session, prediction: Prediction, label: str, rows: Sequence[Action]) -> Remedy:
    """Return what puts a picture right to which these actions (all of its) were planned."""
    found = Remedy(label)
    facts = replace(Facts.of(prediction), label=label, decided_by="person")
    unmet = Planner(session).foreseen(prediction.classifier_id, facts)
    # Once something that later ones build on goes, these must go too and be done again.
    torn = False
    for row in rows:
        if row.status not in ("done", "planned", "waiting"):
            continue
        builds = effects.moves(row.kind)
        going = row.status == "done" and row.undo_requested_at is not None
        met = None if going or (torn and builds) else _met(row, prediction, label, unmet)
        if met is not None:
            unmet.remove(met)
        elif row.status in ("planned", "waiting"):
            found.cancel.append(row)
        elif action_kinds.get_action(row.kind).undoable:
            found.undo.insert(0, row)
            torn = torn or builds
        else:
            found.cannot_undo.append(row)
    found.do = unmet
    return found


def _met(
    row: Action, prediction: Prediction, label: str, unmet: Sequence[Foreseen]
) -> Foreseen | None:
    """Return what the rules foresee that this action does, if it does it for this label too."""
    kind = action_kinds.get_action(row.kind)
    stood = row.label or prediction.label
    if stood != label and kind.follows_label(kind.Params.model_validate(row.params)):
        return None
    return next(
        (
            one
            for one in unmet
            if (one.rule.rule_id, one.kind, one.params) == (row.rule_id, row.kind, row.params)
        ),
        None,
    )


def planned_resource(one: Foreseen) -> Json:
    """Return what is shown of an action that would be done."""
    return {
        "rule_id": one.rule.rule_id,
        "rule_version": one.rule.version,
        "kind": one.kind,
        "params": one.params,
        "sentence": rules.describe([{"kind": one.kind, "params": one.params}])[0],
    }


def resource(found: Remedy, prediction_id: str, public_url: str) -> dict[str, Any]:
    """Return what is shown of a remedy."""
    return {
        "label": found.label,
        "undo": [resources.action(row) for row in found.undo],
        "cannot_undo": [resources.action(row) for row in found.cannot_undo],
        "cancel": [resources.action(row) for row in found.cancel],
        "would_do": [planned_resource(one) for one in found.do],
        "url": f"{public_url}/api/v1/predictions/{prediction_id}/put-right",
    }
