"""Numbers about the service as a whole, for /metrics: cheap to ask for, and nobody's in particular.

Each is a look into a small index or a small table, however many pictures there were. Where the age
of what waits is asked for, it is that of the oldest whose turn has come: what waits for its next
attempt, or for a receiver that rests, is no sign of a worker that is missing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import (
    Action,
    Classifier,
    Delivery,
    Image,
    Import,
    ModelVersion,
    Prediction,
    Review,
    Study,
    Tally,
    TrainingRun,
)
from connector.domain import deliveries, imports, studies, training
from connector.ids import made_at


@dataclass(frozen=True)
class Waiting:
    """What waits in one queue: how many now, how many for later, the age of the oldest (seconds).

    `oldest` is 0 when nothing waits.
    """

    queue: str
    count: int
    oldest: float
    later: int = 0


@dataclass(frozen=True)
class Total:
    """A running total, summed over its shards."""

    name: str
    labels: dict[str, str]
    value: float


def totals(session: Session) -> list[Total]:
    """Return all running totals, by name and labels."""
    statement = (
        select(Tally.name, Tally.labels, func.sum(Tally.value))
        .group_by(Tally.name, Tally.labels)
        .order_by(Tally.name, Tally.labels)
    )
    return [
        Total(name, json.loads(labels), float(value))
        for name, labels, value in session.execute(statement)
    ]


def waiting(session: Session) -> list[Waiting]:
    """Return what waits in each queue, and which questions to people are open."""
    moment = now(session)
    queued = _by_id(session, Prediction, Prediction.status == "queued")
    return [
        _aged("classify", moment, *queued),
        _due(session, "act", Action, Action.pending, Action.due_at <= moment, moment),
        _due(
            session,
            "deliver",
            Delivery,
            Delivery.status == "pending",
            deliveries.due(session),
            moment,
        ),
        _train(session, moment),
        *(
            _aged(queue, moment, *_by_id(session, Review, _open(kind)))
            for queue, kind in (("reviews", "question"), ("audits", "audit"))
        ),
    ]


def live_versions(session: Session) -> dict[str, int]:
    """Return how many live model versions there are of each kind ("head", "finetune")."""
    statement = (
        select(ModelVersion.kind, func.count())
        .join(Classifier, Classifier.id == ModelVersion.classifier_id)
        .where(ModelVersion.number == Classifier.live_version, Classifier.deleted_at.is_(None))
        .group_by(ModelVersion.kind)
    )
    found: dict[str, int] = dict(session.execute(statement).all())
    return found


def bytes_kept(session: Session) -> int:
    """Return how many bytes of pictures the workspaces keep together.

    Reads one index entry for each picture: not for every moment.
    """
    return int(session.scalar(select(func.sum(Image.size))) or 0)


def _open(kind: str) -> ColumnElement[bool]:
    return and_(Review.state == "open", Review.kind == kind)


def _by_id(session: Session, table: Any, condition: ColumnElement[bool]) -> tuple[int, Any]:
    """Count rows, and find the first made: its id tells when, so that no row is read."""
    statement = select(func.count(), func.min(table.id)).select_from(table).where(condition)
    count, first = session.execute(statement).one()
    return count, None if first is None else made_at(first)


def _due(
    session: Session,
    queue: str,
    table: Any,
    pending: Any,
    due: ColumnElement[bool],
    moment: datetime,
) -> Waiting:
    statement = select(func.count(), func.min(table.due_at)).where(pending, due)
    count, first = session.execute(statement).one()
    every = session.scalar(select(func.count()).select_from(table).where(pending)) or 0
    return _aged(queue, moment, count, first, later=max(0, every - count))


def _train(session: Session, moment: datetime) -> Waiting:
    count, first = 0, None
    for table, work in (
        (Import, imports.WORK),
        (TrainingRun, training.WORK),
        (Study, studies.WORK),
    ):
        more, oldest = _by_id(session, table, work.unfinished())
        count += more
        first = min(filter(None, (first, oldest)), default=None)
    return _aged("train", moment, count, first)


def _aged(
    queue: str, moment: datetime, count: int, first: datetime | None, *, later: int = 0
) -> Waiting:
    age = 0.0 if first is None else max(0.0, (moment - first).total_seconds())
    return Waiting(queue, count, age, later)
