"""What our own actions wrote into folders, so that nobody who watches one takes it for new.

An action notes a file in the transaction that journals its intent, which is before the file is
there: whatever dies at whatever moment, a file of ours never lies in a folder without its note.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector.db.tables import Action, WrittenFile
from connector.db.types import utcnow
from connector.ids import new_id

# The key of a journal's phase under which an action says [path, SHA-256] of what it writes.
WRITES = "writes"


def place(path: str) -> str:
    """Return what stands for a path in the database: short, and the same on every machine."""
    return hashlib.blake2b(os.fsencode(path), digest_size=16).hexdigest()


def remember(session: Session, action_id: str, journal: Mapping[str, Any]) -> None:
    """Keep what the phases ("do", "undo") of an action's journal say that it writes."""
    connection = session.connection()
    for phase, notes in journal.items():
        if not isinstance(notes, Mapping) or not notes.get(WRITES):
            continue
        path, sha256 = notes[WRITES]
        row = {
            "id": new_id("wrt"),
            "place": place(path),
            "sha256": sha256,
            "action_id": action_id,
            "phase": phase,
            "created_at": utcnow(),
        }
        connection.execute(_upsert(connection.dialect.name), row)


@lru_cache(maxsize=2)
def _upsert(dialect: str) -> Any:
    kind = postgresql if dialect == "postgresql" else sqlite
    statement = kind.insert(WrittenFile)
    new, table = statement.excluded, WrittenFile
    # A later note of the same phase says the same, or that another name was free.
    return statement.on_conflict_do_update(
        index_elements=["action_id", "phase"],
        set_={"id": new.id, "place": new.place, "sha256": new.sha256},
        where=or_(table.place != new.place, table.sha256 != new.sha256),
    )


@dataclass(frozen=True)
class Ours:
    """What our own actions have to do with the file at a path.

    `pending`: one is about to write it, or was interrupted. `mark`: it wrote this content, and
    this is what to give as `after` from now on.
    """

    pending: bool
    mark: str | None


def look(session: Session, path: str, sha256: str, *, after: str = "") -> Ours:
    """Say whether the file at `path` with this content is our own work, `after` what was known."""
    statement = (
        select(WrittenFile.id, WrittenFile.sha256, Action.pending)
        .outerjoin(Action, Action.id == WrittenFile.action_id)
        .where(WrittenFile.place == place(path), WrittenFile.id > after)
        .order_by(WrittenFile.id)
    )
    rows = session.execute(statement).all()
    marks = [row.id for row in rows if row.sha256 == sha256]
    return Ours(any(row.pending for row in rows), max(marks, default=None))


def newer(session: Session, path: str, *, after: str) -> bool:
    """Say whether there is a note about `path`, of whatever content, that came after `after`."""
    statement = select(WrittenFile.id).where(
        WrittenFile.place == place(path), WrittenFile.id > after
    )
    return session.scalars(statement.limit(1)).first() is not None
