"""A person corrects an answer that was acted on: the old is undone, then the new is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.session import now, want
from connector.db.tables import Action, Classifier, Label, Prediction, Undo, UndoItem
from connector.domain import (
    aliases,
    audit_log,
    changes,
    digests,
    effects,
    images,
    predictions,
    promises,
    reviews,
)
from connector.domain.remedies import (
    Remedy,
    actions_of,
    compare,
    correction,
    nothing_left,
    remedy,
)
from connector.domain.rules import Planner
from connector.errors import Conflict, Unprocessable


@dataclass(frozen=True)
class Begun:
    """A picture that is being put right: the undo, if one is needed, and what waits for it."""

    remedy: Remedy
    undo: Undo | None
    planned: list[Action]


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
    rows = actions_of(session, prediction, lock=True)
    running = _running(session, prediction)
    if running is not None:
        if running.label != chosen.name:
            raise _under_way(running)
        waiting = [row for row in rows if row.after_undo == running.id]
        return Begun(Remedy(chosen.name), running, waiting)
    found = compare(session, prediction, chosen.name, rows)
    _check_idle(session, found)
    if found.do:
        images.hold(session, prediction)
    _note(session, classifier, prediction, chosen)
    for row in found.cancel:
        _cancel(session, row)
    undo = _undo(session, prediction, found, rows, by) if found.undo else None
    after = undo.id if undo is not None else None
    planned = Planner(session).plan_again(
        prediction, found.do, rows, label=chosen.name, after_undo=after
    )
    audit_log.note(
        session,
        workspace_id,
        "prediction.put_right",
        prediction.id,
        classifier_id=classifier.id,
        after={"label": chosen.name},
    )
    session.flush()
    return Begun(found, undo, planned)


def withdraw(session: Session, workspace_id: str, prediction_id: str, by: str) -> Begun:
    """A person takes their answer back for none of the labels: what followed is undone.

    The picture waits among the examples for a label. Raises NotFound, and Conflict when it is not
    decided, while it is being put right, and while an action is in the middle of its work.
    """
    prediction, classifier = _decided(session, workspace_id, prediction_id, lock=True)
    rows = actions_of(session, prediction, lock=True)
    running = _running(session, prediction)
    if running is not None:
        raise _under_way(running)
    found = nothing_left(rows)
    _check_idle(session, found)
    reviews.learn(session, prediction, None, "question")
    prediction.label = prediction.corrected_label = None
    for row in found.cancel:
        _cancel(session, row)
    undo = _undo(session, prediction, found, rows, by) if found.undo else None
    audit_log.note_in(
        session, classifier, "prediction.put_right", prediction.id, after={"label": None}
    )
    session.flush()
    return Begun(found, undo, [])


def _under_way(running: Undo) -> Conflict:
    wanted = "none of the labels" if running.label is None else f"“{running.label}”"
    return Conflict(
        f"This picture is being put right for {wanted}; wait until {running.id} is done.",
        code="put_right_under_way",
    )


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


def _cancel(session: Session, row: Action) -> None:
    """Let it not be done. Raises Conflict for an alert whose digest is being sent just now."""
    if row.status == "waiting":
        digests.take_out(session, row)
        return
    effects.give_up(row, "label_corrected", "Not done, because the label was corrected first.")


def _check_idle(session: Session, found: Remedy) -> None:
    """What was begun must end before anybody can tell what is to be undone."""
    for row in found.cancel:
        if row.status == "waiting":
            continue
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
        label=found.label or None,
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
