"""A classifier's sources at a glance: what came last, what went wrong; few queries for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connector.db.tables import Backfill, Classifier, Prediction, Source, SourceEvent, WatchedFolder
from connector.domain.longwork import UNFINISHED
from connector.domain.source_events import REFUSED
from connector.domain.source_names import own, shown_name
from connector.domain.watched import NOTICES
from connector.ids import made_at

# Nobody needs to know exactly how many beyond this.
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class WayIn:
    """One source. `trouble` is what went wrong since the last picture, None when nothing did."""

    row: Source
    last_at: datetime | None
    trouble: SourceEvent | None
    watching: WatchedFolder | None
    backfill: Backfill | None

    @property
    def name(self) -> str:
        """The name by which people know it."""
        return shown_name(self.row)

    @property
    def held_up(self) -> str | None:
        """Why its folder or its back-fill takes nothing at present."""
        if self.watching is not None and self.watching.state in ("waiting", "away"):
            return self.watching.detail
        return None if self.backfill is None else self.backfill.waiting


def of_classifier(session: Session, classifier: Classifier) -> list[WayIn]:
    """Return its sources in the order in which they were made."""
    return _ways(session, list(session.scalars(own(classifier).order_by(Source.id))))


def one(session: Session, row: Source) -> WayIn:
    """Return one source at a glance."""
    return _ways(session, [row])[0]


def _ways(session: Session, rows: Sequence[Source]) -> list[WayIn]:
    ids = [row.id for row in rows]
    last = _last(session, ids)
    troubles = _troubles(session, ids)
    folders = session.scalars(select(WatchedFolder).where(WatchedFolder.id.in_(ids)))
    watching = {row.id: row for row in folders}
    walks = select(Backfill).where(Backfill.source_id.in_(ids), Backfill.status.in_(UNFINISHED))
    backfills = {row.source_id: row for row in session.scalars(walks.order_by(Backfill.id.desc()))}
    return [
        WayIn(
            row,
            last.get(row.id),
            _since(troubles.get(row.id), last.get(row.id)),
            watching.get(row.id),
            backfills.get(row.id),
        )
        for row in rows
    ]


def _last(session: Session, ids: Sequence[str]) -> dict[str, datetime]:
    """When the last picture came by each: an id tells, so that no row is read."""
    newest = (
        select(func.max(Prediction.id))
        .where(Prediction.source_id == Source.id)
        .correlate(Source)
        .scalar_subquery()
    )
    pairs = session.execute(select(Source.id, newest).where(Source.id.in_(ids)))
    return {id_: made_at(last) for id_, last in pairs if last is not None}


def _troubles(session: Session, ids: Sequence[str]) -> dict[str, SourceEvent]:
    newest = (
        select(func.max(SourceEvent.id))
        .where(
            SourceEvent.source_id.in_(ids),
            SourceEvent.outcome == REFUSED,
            SourceEvent.code.not_in(NOTICES),
        )
        .group_by(SourceEvent.source_id)
    )
    rows = session.scalars(select(SourceEvent).where(SourceEvent.id.in_(newest)))
    return {row.source_id: row for row in rows}


def _since(trouble: SourceEvent | None, last: datetime | None) -> SourceEvent | None:
    if trouble is None or (last is not None and trouble.created_at < last):
        return None
    return trouble


def count_taken(session: Session, row: Source) -> int:
    """Return how many pictures came by a source, up to MOST_COUNTED."""
    some = (
        select(Prediction.id).where(Prediction.source_id == row.id).limit(MOST_COUNTED).subquery()
    )
    return session.execute(select(func.count()).select_from(some)).scalar_one()
