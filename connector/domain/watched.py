"""Watched folders: which may be watched, who looks at one, and what is known of its files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import (
    Classifier,
    Source,
    SourceEvent,
    WatchedFile,
    WatchedFolder,
)
from connector.db.types import Json, utcnow
from connector.domain import audit_log, leases
from connector.domain.classifiers import FOLDER
from connector.domain.predictions import SourceRef
from connector.domain.resources import iso
from connector.errors import Conflict, LostLease, Unprocessable
from connector.inbound.folder import FolderSettings, Stat, checked
from connector.settings import Settings

EXISTING, TAKEN, OURS, REFUSED = "existing", "taken", "ours", "refused"
AWAY, BACK, NOT_ALLOWED = "folder_away", "folder_back", "folder_not_allowed"
# Events that tell of the folder, and of no picture that was refused.
NOTICES = frozenset({AWAY, BACK, NOT_ALLOWED})
# A file's time is that of the last tick of the clock, which may be this much before now.
TICK_NS = 20_000_000


def check_allowed(settings: Settings, sorted_dir: Path, path: Path) -> None:
    """Refuse a folder that this workspace may not watch. Raises Unprocessable.

    Links are followed as far as they can be seen from here; whoever watches asks again with the
    folder in hand.
    """
    real = Path(os.path.realpath(path))
    if not _allowed(settings, sorted_dir, real):
        raise Unprocessable(
            f"colabel may not watch {path}; whoever runs it can add the folder, or one above it, "
            "to COLABEL_FOLDERS.",
            code=NOT_ALLOWED,
        )


def _allowed(settings: Settings, sorted_dir: Path, real: Path) -> bool:
    own = Path(os.path.realpath(sorted_dir))
    if real.is_relative_to(own):
        return True
    # What else lies in the data folder belongs to nobody: kept pictures, others' sorted files.
    if real.is_relative_to(os.path.realpath(settings.data_dir)):
        return False
    return any(real.is_relative_to(os.path.realpath(root)) for root in settings.folders)


def check_apart(others: Iterable[Source], wanted: FolderSettings) -> None:
    """Refuse a folder that another source of the same classifier sees too. Raises Conflict."""
    mine = Path(wanted.path)
    for other in others:
        if other.kind != FOLDER:
            continue
        theirs = checked(other.settings)
        path = Path(theirs.path)
        below = wanted.recursive and path.is_relative_to(mine)
        if mine == path or below or (theirs.recursive and mine.is_relative_to(path)):
            raise Conflict(
                f"The source {other.name!r} watches {path} for this classifier already, so that "
                "pictures would be taken twice; change or delete it first.",
                code="folder_watched",
            )


def begin(session: Session, source: Source, *, take_existing: bool) -> None:
    """Let a new source's folder be watched from now on."""
    session.add(WatchedFolder(id=source.id, take_existing=take_existing))
    session.flush()


def resettle(session: Session, source: Source, before: Json) -> None:
    """Its settings have changed: what they cover newly and lies there now counts as existing."""
    if not session.get_one(WatchedFolder, source.id).surveyed:
        _change(session, source, since=utcnow(), take_existing=False)
        return
    _change(session, source, before=before, since=utcnow(), take_existing=False, surveyed=False)


def _change(session: Session, source: Source, **values: Any) -> None:
    """Set columns; whoever watches notices by the turn, which the database counts."""
    statement = update(WatchedFolder).where(WatchedFolder.id == source.id)
    session.execute(statement.values(turn=WatchedFolder.turn + 1, **values))


def scan(session: Session, source: Source) -> None:
    """Ask for everything that lies there and was not taken so far."""
    _change(session, source, take_existing=True)
    mine = (WatchedFile.source_id == source.id, WatchedFile.state.in_((EXISTING, REFUSED)))
    session.execute(delete(WatchedFile).where(*mine))
    audit_log.note(
        session,
        source.workspace_id,
        "source.scanned",
        source.id,
        classifier_id=source.classifier_id,
    )


def end(session: Session, source: Source) -> None:
    """Forget a deleted source's folder; whoever looks at it just now can record nothing more."""
    session.execute(delete(WatchedFolder).where(WatchedFolder.id == source.id))
    session.execute(delete(WatchedFile).where(WatchedFile.source_id == source.id))


def shown(session: Session, source_id: str) -> Json | None:
    """Return how the watching goes, as JSON values; None for a source of another kind."""
    row = session.get(WatchedFolder, source_id)
    if row is None:
        return None
    return {
        "state": row.state,
        "code": row.code,
        "detail": row.detail,
        "files": row.files,
        "unfinished": row.unfinished,
        "looked_at": iso(row.looked_at),
    }


def active(session: Session) -> list[str]:
    """Return the ids of the sources whose folders are to be looked at."""
    statement = (
        select(Source.id)
        .join(Classifier, Classifier.id == Source.classifier_id)
        .where(
            Source.kind == FOLDER,
            Source.state == "active",
            Source.deleted_at.is_(None),
            Classifier.deleted_at.is_(None),
        )
    )
    return list(session.scalars(statement.order_by(Source.id)))


@dataclass(frozen=True)
class Hold:
    """A folder as one who looks at it took it up; what was changed since must be read anew."""

    claim: leases.Claim
    turn: int
    # State, code and detail as they were shown last.
    said: tuple[str, str | None, str | None]

    @property
    def source_id(self) -> str:
        """Whose folder it is."""
        return self.claim.ids[0]


def take_hold(session: Session, source_id: str, seconds: float) -> Hold | None:
    """Become the only one who looks at the folder; None while somebody else does."""
    one = WatchedFolder.id == source_id
    claim = leases.claim(session, WatchedFolder, one, limit=1, seconds=seconds)
    if not claim.ids:
        return None
    row = session.get_one(WatchedFolder, source_id, populate_existing=True)
    return Hold(claim, row.turn, (row.state, row.code, row.detail))


def let_go(session: Session, hold: Hold) -> None:
    """Give the folder to whoever comes next."""
    leases.release(session, WatchedFolder, hold.claim)


@dataclass(frozen=True)
class Facts:
    """What is to be watched for whom, as it is at the beginning of a look."""

    settings: FolderSettings
    ref: SourceRef
    since_ns: int
    take_existing: bool
    surveyed: bool
    before: FolderSettings | None

    def counts_as_existing(self, path: str, stat: Stat) -> bool:
        """Say whether a file that nothing is known of lay there before the watching began."""
        if self.surveyed or self.take_existing or stat.ctime_ns >= self.since_ns:
            return False
        return self.before is None or not self.before.covers(path)


def facts(session: Session, hold: Hold) -> Facts:
    """Return them. Raises LostLease when they are not those of `hold` any more."""
    source = session.get(Source, hold.source_id)
    row = session.get(WatchedFolder, hold.source_id)
    if source is None or row is None or row.turn != hold.turn:
        raise LostLease(f"The source {hold.source_id} was changed.")
    classifier = session.get_one(Classifier, source.classifier_id)
    return Facts(
        checked(source.settings),
        SourceRef.of(source, classifier),
        int(row.since.timestamp() * 1_000_000) * 1000 - TICK_NS,
        row.take_existing,
        row.surveyed,
        None if row.before is None else checked(row.before),
    )


def check_held(session: Session, hold: Hold) -> None:
    """Lock the folder until the transaction ends. Raises LostLease unless all is as it was."""
    statement = (
        select(WatchedFolder.turn)
        .where(WatchedFolder.id == hold.source_id, WatchedFolder.lease_token == hold.claim.token)
        .with_for_update()
    )
    if session.execute(statement).scalar_one_or_none() != hold.turn:
        raise LostLease(f"The folder of {hold.source_id} was changed, or is watched elsewhere.")


def noted_before(session: Session, source_id: str, code: str, detail: str) -> bool:
    """Say whether the same stands among the source's events already."""
    statement = select(SourceEvent.id).where(
        SourceEvent.source_id == source_id, SourceEvent.code == code, SourceEvent.detail == detail
    )
    return session.scalars(statement.limit(1)).first() is not None


def note_state(session: Session, hold: Hold, seconds: float, **values: Any) -> str:
    """Hold the folder for `seconds` more, and say how it goes there. Raises LostLease.

    Returns what its state was.
    """
    check_held(session, hold)
    was = select(WatchedFolder.state).where(WatchedFolder.id == hold.source_id)
    state: str = session.execute(was).scalar_one()
    until = now(session) + timedelta(seconds=seconds)
    leases.write(session, WatchedFolder, hold.claim, lease_until=until, **values)
    return state
