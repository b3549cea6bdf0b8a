"""A person corrects an answer that was acted on: what is to be undone, and what done instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.db.session import now, want
from connector.db.tables import Action, Classifier, Label, Prediction, Undo, UndoItem
from connector.db.types import Json
from connector.domain import (
    aliases,
    changes,
    effects,
    predictions,
    promises,
    resources,
    reviews,
    rules,
)
from connector.domain.rules import Foreseen, Planner
from connector.errors import Conflict, Unprocessable


@dataclass
class Remedy:
    """What puts a picture right for `label`, by the rules in force now.

    `undo`: done actions that do not follow any more, the last first; `cannot_undo`: those of them
    that cannot be undone; `cancel`: planned ones; `do`: what the rules foresee and was not done.
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


@dataclass(frozen=True)
class Begun:
    """A picture that is being put right: the undo, if one is needed, and what waits for it."""

    remedy: Remedy
    undo: Undo | None
    planned: list[Action]


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
    return _compare(session, prediction, label, _actions(session, prediction, lock=False))


def offer(session: Session, prediction: Prediction, public_url: str) -> dict[str, Any] | None:
    """Return what would put a corrected prediction right; None when all is as it should be."""
    classifier = session.get_one(Classifier, prediction.classifier_id)
    label = correction(classifier, prediction)
    found = remedy(session, prediction, label) if label is not None else None
    if found is None or found.empty:
        return None
    return resource(found, prediction.id, public_url)


def _actions(session: Session, prediction: Prediction, *, lock: bool) -> list[Action]:
    statement = select(Action).where(Action.prediction_id == prediction.id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(statement.order_by(Action.id)).all()
    return sorted(found, key=lambda one: one.sequence)


def _compare(
    session: Session, prediction: Prediction, label: str, rows: Sequence[Action]
) -> Remedy:
    found = Remedy(label)
    unmet = Planner(session).foreseen(prediction.classifier_id, label)
    # Once something that later ones build on goes, these must go too and be done again.
    torn = False
    for row in rows:
        if row.status not in ("done", "planned"):
            continue
        builds = effects.moves(row.kind)
        going = row.status == "done" and row.undo_requested_at is not None
        met = None if going or (torn and builds) else _met(row, prediction, label, unmet)
        if met is not None:
            unmet.remove(met)
        elif row.status == "planned":
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


def look(session: Session, workspace_id: str, prediction_id: str, label: str | None) -> Remedy:
    """Say what would put a prediction right for this label, by default the corrected one.

    Raises NotFound, Conflict when it is not decided or nobody has corrected it, and Unprocessable
    for an unknown label.
    """
    prediction, classifier = _decided(session, workspace_id, prediction_id, lock=False)
    return remedy(session, prediction, _wanted(session, classifier, prediction, label).name)


def begin(
    session: Session, workspace_id: str, prediction_id: str, label: str | None, by: str
) -> Begun:
    """Note the correction, ask for the undo, and plan what is done after it.

    What is planned waits until all of the undo is undone, and is given up when some of it cannot
    be. Asked again for the same label while it goes on, it changes nothing. Raises as `look`, and
    Conflict while an action of the picture is in the middle of its work.
    """
    prediction, classifier = _decided(session, workspace_id, prediction_id, lock=True)
    chosen = _wanted(session, classifier, prediction, label)
    rows = _actions(session, prediction, lock=True)
    running = _running(session, prediction)
    if running is not None:
        if running.label != chosen.name:
            raise Conflict(
                f"This picture is being put right for “{running.label}”; wait until "
                f"{running.id} is done.",
                code="put_right_under_way",
            )
        waiting = [row for row in rows if row.after_undo == running.id]
        return Begun(Remedy(chosen.name), running, waiting)
    found = _compare(session, prediction, chosen.name, rows)
    _check_idle(session, found)
    _note(session, classifier, prediction, chosen)
    for row in found.cancel:
        effects.give_up(row, "label_corrected", "Not done, because the label was corrected first.")
    undo = _undo(session, prediction, found, rows, by) if found.undo else None
    after = undo.id if undo is not None else None
    planned = Planner(session).plan_again(
        prediction, found.do, rows, label=chosen.name, after_undo=after
    )
    session.flush()
    return Begun(found, undo, planned)


def _decided(
    session: Session, workspace_id: str, prediction_id: str, *, lock: bool
) -> tuple[Prediction, Classifier]:
    prediction = predictions.get(session, workspace_id, prediction_id)
    if lock:
        classifier = changes.hold(session, prediction.classifier_id)
        session.refresh(prediction)
    else:
        classifier = session.get_one(Classifier, prediction.classifier_id)
    if prediction.status != "done" or prediction.decided_at is None:
        raise Conflict(
            "Only an answer that stands can be corrected; this prediction is "
            f"{prediction.status.replace('_', ' ')}.",
            code="not_decided",
        )
    return prediction, classifier


def _wanted(
    session: Session, classifier: Classifier, prediction: Prediction, name: str | None
) -> Label:
    name = correction(classifier, prediction) if name is None else name
    if name is None:
        raise Conflict(
            "Nobody has corrected this answer; send the label that it should have had.",
            code="not_corrected",
        )
    statement = select(Label).where(Label.classifier_id == classifier.id)
    labels = {label.name: label for label in session.scalars(statement)}
    if name not in labels:
        known = ", ".join(f"“{known}”" for known in sorted(labels))
        raise Unprocessable(
            f"“{name}” is not a label of this classifier; its labels are: {known}.",
            code="unknown_label",
        )
    return labels[name]


def _running(session: Session, prediction: Prediction) -> Undo | None:
    statement = select(Undo).where(Undo.prediction_id == prediction.id, Undo.status == "running")
    return session.scalars(statement).first()


def _check_idle(session: Session, found: Remedy) -> None:
    """What was begun must end before anybody can tell what is to be undone."""
    for row in found.cancel:
        if row.journal or (row.lease_until is not None and row.lease_until >= now(session)):
            raise Conflict(
                f"An action of this picture ({row.kind}, {row.id}) is under way; try again when it "
                "is done.",
                code="action_under_way",
            )


def _note(session: Session, classifier: Classifier, prediction: Prediction, chosen: Label) -> None:
    """Keep what the person said, as the answer to an audit would be kept."""
    if correction(classifier, prediction) == chosen.name:
        return
    reviews.add_example(session, prediction, chosen, "question")
    stood = prediction.label
    if stood is not None and prediction.decided_at is not None:
        stood = aliases.renamed_since(stood, prediction.decided_at, classifier.aliases)
    prediction.corrected_label = None if stood == chosen.name else chosen.name
    promises.judge_again(session, classifier)


def _undo(
    session: Session, prediction: Prediction, found: Remedy, rows: Sequence[Action], by: str
) -> Undo:
    """Ask for all of it at once: then whatever is planned for the picture waits for it."""
    undo = Undo(
        workspace_id=prediction.workspace_id,
        prediction_id=prediction.id,
        label=found.label,
        status="running",
        requested_by=by,
    )
    session.add(undo)
    session.flush()
    for rank, row in enumerate(found.undo):
        if row.undo_requested_at is None:
            effects.ask(session, row, rows)
        session.add(UndoItem(undo_id=undo.id, action_id=row.id, rank=rank, state="requested"))
    want(session, "act")
    return undo


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
