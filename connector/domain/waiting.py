"""Which jobs have work waiting, told from the database alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import (
    Action,
    Classifier,
    Delivery,
    Digest,
    Import,
    Prediction,
    Study,
    TrainingRun,
    Undo,
)
from connector.domain import (
    deliveries,
    digest_sending,
    imports,
    promises,
    scores,
    studies,
    training,
    turns,
    undoing,
)


def waiting(session: Session) -> list[str]:
    """Return the names of the jobs that have something to do which nobody holds."""
    moment = now(session)

    def free(table: Any) -> Any:
        return or_(table.lease_until.is_(None), table.lease_until < moment)

    def any_row(table: Any, condition: Any) -> bool:
        statement = select(table.id).where(and_(condition, free(table))).limit(1)
        return session.scalars(statement).first() is not None

    found = {
        "classify": any_row(Prediction, Prediction.status == "queued"),
        "act": any_row(Action, turns.ready(session))
        or session.scalars(select(Undo.id).where(undoing.unfinished()).limit(1)).first() is not None
        or any_row(Digest, digest_sending.due(session)),
        "deliver": any_row(Delivery, deliveries.due(session)),
        "train": any_row(Import, imports.WORK.unfinished())
        or any_row(TrainingRun, training.WORK.unfinished()),
        "study": any_row(Study, studies.WORK.unfinished()),
        "judge": session.scalars(select(Classifier.id).where(promises.STALE).limit(1)).first()
        is not None,
        "score": session.scalars(select(Classifier.id).where(scores.pending()).limit(1)).first()
        is not None,
    }
    return [name for name, has_work in found.items() if has_work]
