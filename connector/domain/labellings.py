"""What people label on the pages, at one go each, so that the last can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Example, Label, Labelling
from connector.db.types import utcnow
from connector.domain import audit_log, changes, labelling
from connector.errors import Conflict

# How many can be undone, one after the other.
KEPT = 20
NONE = ""


@dataclass(frozen=True)
class Undone:
    """Examples that have their label from before, and how many were left: changed since."""

    ids: tuple[str, ...]
    left: int


def give(
    session: Session,
    classifier: Classifier,
    person_id: str,
    example_ids: Sequence[str],
    label_name: str | None,
) -> Labelling | None:
    """Give examples a label, or none; return what can be undone, None where nothing changed.

    Raises as `labelling.label_examples`.
    """
    done = labelling.relabel(session, classifier, example_ids, label_name)
    if not done.count:
        return None
    row = Labelling(
        classifier_id=classifier.id,
        person_id=person_id,
        label_id=done.label_id,
        before={label_id or NONE: ids for label_id, ids in done.before.items()},
        count=done.count,
    )
    session.add(row)
    session.flush()
    _forget(session, classifier, person_id)
    return row


def last(session: Session, classifier: Classifier, person_id: str) -> Labelling | None:
    """Return what this person labelled last and has not undone."""
    return session.scalars(_undoable(classifier, person_id).limit(1)).first()


def undo_last(session: Session, classifier: Classifier, person_id: str) -> Undone:
    """Give what this person labelled last the labels from before.

    What has another label again by now, or is gone, is left as it is. Raises Conflict
    (nothing_to_undo).
    """
    held = changes.hold(session, classifier.id)
    row = last(session, held, person_id)
    if row is None:
        raise Conflict("There is nothing of yours left to undo here.", code="nothing_to_undo")
    names = dict(
        session.execute(select(Label.id, Label.name).where(Label.classifier_id == held.id)).all()
    )
    undone: list[str] = []
    for label_id, ids in row.before.items():
        if label_id == NONE or label_id in names:
            back = _back(session, held, row.label_id, label_id or None, ids)
            labelling.note(session, held, back, names.get(label_id))
            undone += back
    row.undone_at = utcnow()
    session.flush()
    return Undone(tuple(undone), row.count - len(undone))


def _back(
    session: Session, held: Classifier, now: str | None, before: str | None, ids: Sequence[str]
) -> list[str]:
    still = Example.label_id.is_(None) if now is None else Example.label_id == now
    moved = (
        update(Example)
        .where(Example.classifier_id == held.id, Example.id.in_(ids), still)
        .values(
            label_id=before,
            labelled_at=utcnow() if before is not None else None,
            labelled_by=audit_log.whoever() if before is not None else None,
        )
        .returning(Example.id)
    )
    return list(session.execute(moved).scalars())


def _undoable(classifier: Classifier, person_id: str) -> Select[Labelling]:
    return (
        select(Labelling)
        .where(
            Labelling.classifier_id == classifier.id,
            Labelling.person_id == person_id,
            Labelling.undone_at.is_(None),
        )
        .order_by(Labelling.id.desc())
    )


def _forget(session: Session, classifier: Classifier, person_id: str) -> None:
    """Let go of what is too long ago to be undone."""
    mine = (Labelling.classifier_id == classifier.id, Labelling.person_id == person_id)
    newest = select(Labelling.id).where(*mine).order_by(Labelling.id.desc()).limit(KEPT)
    old = delete(Labelling).where(*mine, Labelling.id.not_in(newest.scalar_subquery()))
    session.execute(old.execution_options(synchronize_session=False))
