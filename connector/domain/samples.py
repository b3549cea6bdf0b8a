"""The sample project: a classifier to play with, made by the workers as any other is.

Its pages are drawn here and learned from for real. It goes its way in three steps: pages with
labels are put in, a model is trained, and new pages come in, of which the model asks about some.
The first and the last are rows of `imports`, so that they go on where a worker was killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from connector.db.session import alone, want
from connector.db.tables import Classifier, Import, TrainingRun
from connector.domain import classifiers, overview, training
from connector.domain.longwork import UNFINISHED
from connector.errors import Conflict
from connector.ids import new_id

NAME = "Sample: office pages"
LABELS = ("letter", "invoice", "form")
# How its imports are told from others': pages to learn from, and new ones.
DRAWN, ARRIVING = "sample", "sample_arrivals"
ORIGIN = "sample"

Stage = Literal["drawing", "learning", "asking", "ready", "failed"]


@dataclass(frozen=True)
class Progress:
    """How far a sample is: `done` of `total`, what goes on, or why it came to nothing."""

    stage: Stage
    done: int = 0
    total: int = 0
    message: str | None = None
    error: str | None = None


def find(session: Session, workspace_id: str) -> Classifier | None:
    """Return the workspace's sample, if it has one."""
    statement = select(Classifier).where(
        Classifier.workspace_id == workspace_id,
        Classifier.sample,
        Classifier.deleted_at.is_(None),
    )
    return session.scalars(statement.order_by(Classifier.id).limit(1)).first()


def make(session: Session, workspace_id: str) -> Classifier:
    """Return the workspace's sample, begun if it has none: however often one asks, it is one."""
    alone(session, f"sample of {workspace_id}")
    known = find(session, workspace_id)
    if known is not None:
        return known
    row = classifiers.create_classifier(
        session, workspace_id, name=_free_name(session, workspace_id), labels=LABELS
    )
    row.sample = True
    _queue(session, row, DRAWN)
    return row


def learn(session: Session, classifier: Classifier) -> None:
    """The pages are in: have a model trained, and the new ones come in after that."""
    training.request_run(session, classifier)
    _queue(session, classifier, ARRIVING)


def delete(session: Session, classifier: Classifier) -> None:
    """Take a sample away. Raises Conflict (no_sample) for any other classifier."""
    if not classifier.sample:
        raise Conflict("This classifier is no sample, so it is not deleted here.", code="no_sample")
    classifiers.delete_classifier(session, classifier)


def claimable() -> ColumnElement[bool]:
    """Return the condition of imports that can be worked on: new pages wait for the model."""
    training_now = exists().where(
        TrainingRun.classifier_id == Import.classifier_id, TrainingRun.status.in_(UNFINISHED)
    )
    return or_(Import.label_mode != ARRIVING, ~training_now)


def progress(session: Session, classifier: Classifier) -> Progress:
    """Return how far a sample is."""
    statement = select(Import).where(
        Import.classifier_id == classifier.id, Import.label_mode.in_((DRAWN, ARRIVING))
    )
    rows = {row.label_mode: row for row in session.scalars(statement.order_by(Import.id))}
    drawn, arriving = rows.get(DRAWN), rows.get(ARRIVING)
    failed = next((row for row in rows.values() if row.status == "failed"), None)
    if failed is not None:
        return Progress("failed", error=failed.error)
    if drawn is None or arriving is None:
        return Progress("drawing", *_counts(drawn))
    if arriving.status == "done":
        return Progress("ready")
    run = overview.glance(session, classifier.workspace_id, classifier.id).run
    if run is not None and run.status in UNFINISHED:
        return Progress("learning", run.done, run.total, run.message)
    return Progress("asking", *_counts(arriving))


def _counts(row: Import | None) -> tuple[int, int]:
    return (0, 0) if row is None else (row.done, row.total)


def _queue(session: Session, classifier: Classifier, kind: str) -> None:
    session.add(Import(id=new_id("imp"), classifier_id=classifier.id, label_mode=kind, options={}))
    session.flush()
    want(session, "train")


def _free_name(session: Session, workspace_id: str) -> str:
    taken = set(
        session.scalars(
            select(Classifier.name).where(
                Classifier.workspace_id == workspace_id,
                Classifier.deleted_at.is_(None),
                Classifier.name.startswith(NAME),
            )
        )
    )
    number, name = 1, NAME
    while name in taken:
        number += 1
        name = f"{NAME} ({number})"
    return name
