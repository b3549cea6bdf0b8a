"""Deleting one picture on request, such as that of a person who is seen on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import (
    Action,
    Classifier,
    Example,
    Image,
    Prediction,
    Review,
    TrainingRun,
)
from connector.domain import audit_log, changes, examples, predictions, removals, retention
from connector.errors import Conflict, Unavailable
from connector.settings import Settings

SHOWN = 20
# What nobody can override: it ends by itself, or by a person's answer.
FINAL = ("queued", "review", "action")


@dataclass(frozen=True)
class Need:
    """Something that needs a picture: what it is, its id, and whether force overrides it."""

    kind: str  # queued, review, action; undo, example, prediction, training
    id: str
    forcible: bool


def forget_prediction(
    session: Session, settings: Settings, workspace_id: str, prediction_id: str, *, force: bool
) -> Prediction:
    """Delete a prediction's picture from this workspace; its answer stays. Again, it does nothing.

    With `force` the same picture of other predictions goes, too, and examples that show it. Raises
    NotFound, and Conflict (picture_needed) with what needs it.
    """
    row = predictions.get(session, workspace_id, prediction_id)
    if row.image_deleted_at is None:
        _forget(session, settings, row.image_id, {row.id}, force=force)
        session.refresh(row)
        audit_log.note(
            session,
            workspace_id,
            "prediction.picture_deleted",
            row.id,
            classifier_id=row.classifier_id,
        )
    return row


def forget_example(
    session: Session, settings: Settings, classifier: Classifier, example_id: str, *, force: bool
) -> None:
    """Delete an example with its picture; models trained with it stay.

    With `force` predictions of the same picture lose it, too. Raises NotFound, Conflict.
    """
    row = examples.get_example(session, classifier, example_id)
    _forget(session, settings, row.image_id, {row.id}, force=force)
    audit_log.note_in(session, classifier, "example.picture_deleted", example_id)


def needs(
    session: Session, settings: Settings, workspace_id: str, prediction_id: str
) -> list[Need]:
    """Return what else needs a prediction's picture, as far as can be told without holding it.

    Raises NotFound.
    """
    row = predictions.get(session, workspace_id, prediction_id)
    if row.image_deleted_at is not None:
        return []
    found = _needs(session, settings, row.image_id)
    return [one for one in found if (one.kind, one.id) != ("prediction", row.id)]


def _forget(
    session: Session, settings: Settings, image_id: str, asked: set[str], *, force: bool
) -> None:
    held = _hold(session, image_id)
    needs = [
        one
        for one in _needs(session, settings, image_id)
        if one.kind not in ("prediction", "example") or one.id not in asked
    ]
    final = [one for one in needs if not one.forcible]
    if final or (needs and not force):
        raise _needed(final or needs, forcible=not final)
    for example in held:
        session.delete(example)
        if example.label_id is not None:
            changes.note(session, example.classifier_id)
    session.flush()
    kept = select(Prediction.id).where(Prediction.image_id == image_id, retention.KEPT)
    retention.let_go(session, session.scalars(kept).all())
    retention.drop_images(session, [image_id], now(session))


def _hold(session: Session, image_id: str) -> list[Example]:
    """Hold all that could need this picture, in the order of everybody; return its examples."""
    shown = select(Example).where(Example.image_id == image_id)
    owners = sorted({one.classifier_id for one in session.scalars(shown)})
    for classifier_id in owners:
        changes.hold(session, classifier_id)
    kept = select(Prediction.id).where(Prediction.image_id == image_id, retention.KEPT)
    ids = list(session.scalars(kept))
    sha256 = session.get_one(Image, image_id).sha256
    free = set(retention.hold_free(session, ids))
    found = session.scalars(shown.execution_options(populate_existing=True)).all()
    contents = {sha256, *retention.thumbnails_of(session, [sha256]).values()}
    mine = removals.try_alone(session, sorted(contents)) == contents
    held = mine and free == set(session.scalars(kept))
    if not held or {one.classifier_id for one in found} - set(owners):
        raise Unavailable(
            "This very picture is being used at this moment; ask again in a few seconds.",
            code="picture_busy",
            retry_after=2,
        )
    return list(found)


def _needs(session: Session, settings: Settings, image_id: str) -> list[Need]:
    mine = select(Prediction.id).where(Prediction.image_id == image_id, retention.KEPT)
    shown = select(Example.id).where(Example.image_id == image_id)
    learnt = select(Example.classifier_id).where(
        Example.image_id == image_id, Example.label_id.is_not(None)
    )
    acts = select(Action.id).where(Action.prediction_id.in_(mine))
    undoable = retention.undoable(now(session), settings)
    found = {
        "queued": mine.where(Prediction.status == "queued"),
        "review": select(Review.id).where(Review.prediction_id.in_(mine), Review.state == "open"),
        "action": acts.where(Action.pending),
        "undo": acts.where(~Action.pending, undoable),
        "example": shown,
        "prediction": mine,
        "training": select(TrainingRun.id).where(
            TrainingRun.status == "running", TrainingRun.classifier_id.in_(learnt)
        ),
    }
    return [
        Need(kind, one, forcible=kind not in FINAL)
        for kind, statement in found.items()
        for one in session.scalars(statement)
    ]


_WAYS_ON = {
    "queued": "it waits for its answer",
    "review": "a person is asked about it: answer that first",
    "action": "an action on it has not ended",
    "undo": "an action on it may still be undone",
    "example": "it is an example",
    "prediction": "other predictions are of the same picture",
    "training": "a model is being trained with it",
}


def _needed(needs: list[Need], *, forcible: bool) -> Conflict:
    why = "; ".join(dict.fromkeys(_WAYS_ON[one.kind] for one in needs))
    way_on = (
        "Ask with force=true to delete it all the same, from all of these."
        if forcible
        else "Ask again once that is over."
    )
    return Conflict(
        f"This picture is still needed ({why}). {way_on}",
        code="picture_needed",
        needed_by=[asdict(one) for one in needs[:SHOWN]],
    )
