"""The files of watched folders: what is known of each, and where its picture went since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector.db.tables import Action, Prediction, WatchedFile
from connector.db.types import Json, utcnow
from connector.domain.watched import TAKEN, Hold, check_held
from connector.domain.written import place
from connector.inbound.folder import Stat

KEPT_GONE = timedelta(days=30)
# Rows that one transaction should write at most.
BATCH = 500
# Of files that went and were alike: one name each that the same file had before.
MOST_ALIKE = 100


@dataclass(frozen=True)
class Seen:
    """What is known of a path: how its file was, and what became of it."""

    stat: Stat
    state: str
    sha256: str | None = None
    generation: int = 0
    prediction_id: str | None = None
    written: str = ""
    gone: bool = False


def load(session: Session, source_id: str) -> dict[str, Seen]:
    """Return what is known of the files that lay there at the last look, by path."""
    statement = select(WatchedFile.__table__).where(
        WatchedFile.source_id == source_id, WatchedFile.gone_at.is_(None)
    )
    rows = session.connection().execute(statement)
    return {row.path: _seen(row) for row in rows}


def former(session: Session, source_id: str, path: str) -> Seen | None:
    """Return what is known of a file that lay at this path and went, or None."""
    statement = select(WatchedFile.__table__).where(
        WatchedFile.source_id == source_id, WatchedFile.place == place(path)
    )
    row = session.connection().execute(statement).one_or_none()
    return None if row is None else _seen(row)


def renamed(session: Session, source_id: str, stat: Stat) -> list[tuple[str, Seen]]:
    """Return the paths of files that went and were in every way like this one, the last first.

    A file that was renamed more than once has left each of its paths.
    """
    statement = select(WatchedFile.__table__).where(
        WatchedFile.source_id == source_id,
        WatchedFile.inode == stat.inode,
        WatchedFile.size == stat.size,
        WatchedFile.mtime_ns == stat.mtime_ns,
        WatchedFile.gone_at.is_not(None),
    )
    statement = statement.order_by(WatchedFile.gone_at.desc()).limit(MOST_ALIKE)
    return [(row.path, _seen(row)) for row in session.connection().execute(statement)]


def _seen(row: Any) -> Seen:
    return Seen(
        Stat(row.size, row.mtime_ns, row.ctime_ns, row.inode),
        row.state,
        row.sha256,
        row.generation,
        row.prediction_id,
        row.written,
        gone=row.gone_at is not None,
    )


def record(session: Session, hold: Hold, files: Mapping[str, Seen]) -> None:
    """Write down what is known of these paths. Raises LostLease."""
    check_held(session, hold)
    moment = utcnow()
    rows = [_row(hold.source_id, path, seen, moment) for path, seen in files.items()]
    connection = session.connection()
    statement = _upsert(connection.dialect.name)
    for start in range(0, len(rows), BATCH):
        connection.execute(statement, rows[start : start + BATCH])


def _row(source_id: str, path: str, seen: Seen, moment: datetime) -> Json:
    return {
        "source_id": source_id,
        "place": place(path),
        "path": path,
        "state": seen.state,
        "size": seen.stat.size,
        "mtime_ns": seen.stat.mtime_ns,
        "ctime_ns": seen.stat.ctime_ns,
        "inode": seen.stat.inode,
        "sha256": seen.sha256,
        "generation": seen.generation,
        "prediction_id": seen.prediction_id,
        "written": seen.written,
        "gone_at": moment if seen.gone else None,
    }


@lru_cache(maxsize=2)
def _upsert(dialect: str) -> Any:
    kind = postgresql if dialect == "postgresql" else sqlite
    statement = kind.insert(WatchedFile.__table__)
    changed = [c.name for c in WatchedFile.__table__.columns if not c.primary_key]
    return statement.on_conflict_do_update(
        index_elements=["source_id", "place"],
        set_={name: statement.excluded[name] for name in changed},
    )


def prune(session: Session, source_id: str) -> None:
    """Forget files that were taken and went long ago.

    Existing ones stay known: they may only be on a drive that comes back.
    """
    session.execute(
        delete(WatchedFile).where(
            WatchedFile.source_id == source_id,
            WatchedFile.state == TAKEN,
            WatchedFile.gone_at < utcnow() - KEPT_GONE,
        )
    )


Whereabouts = Literal["here", "elsewhere", "busy"]


def whereabouts(session: Session, prediction_id: str | None, path: str) -> Whereabouts:
    """Say whether a prediction's file still is the one at `path`, or an action is at work on it."""
    row = None if prediction_id is None else session.get(Prediction, prediction_id)
    if row is None:
        return "here"
    if _has_pending(session, row.id):
        return "busy"
    return "here" if row.location.get("path") == path else "elsewhere"


def follow(session: Session, prediction_id: str, old: str, new: str) -> None:
    """Somebody renamed a picture's file: let later actions find it under its new path."""
    statement = select(Prediction).where(Prediction.id == prediction_id).with_for_update()
    row = session.scalars(statement).first()
    if row is not None and row.location.get("path") == old and not _has_pending(session, row.id):
        row.location = {**row.location, "path": new}


def _has_pending(session: Session, prediction_id: str) -> bool:
    statement = select(Action.id).where(Action.prediction_id == prediction_id, Action.pending)
    return session.scalars(statement.limit(1)).first() is not None
