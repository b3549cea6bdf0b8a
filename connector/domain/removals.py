"""Bytes that go while the same bytes may come in: nobody who was told 202 loses any.

Blobs are named by their content, so a file that is deleted may be the one that somebody has just
put there. The rows of `removals` decide, by these rules:

1. *Mark*: the transaction that finds a content without need writes its row (`deleting`), `alone`.
2. *Take*: who needs bytes puts them, and then calls `sure` in the transaction that names them: a
   content with a row is refused there (`BeingRemoved`), whenever its bytes may have gone.
3. *Delete*: `finish` deletes the bytes of rows that are `deleting`, and makes them `gone`, all in
   one hold of the `exclusive` lock. The row stays: an earlier put may still have to be refused.
4. *Rescue*: who was refused makes the row its own (`rescuing`) under the same lock, so that nobody
   deletes any more, puts the bytes again, and only `sure` with its token takes the row away.

Whoever is killed leaves a row that the next `finish` goes on with; a rescue that does not come to
its end is one after RESCUE_SECONDS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.exclusive import exclusive
from connector.db.session import now
from connector.db.tables import Embedding, Removal
from connector.errors import Unavailable
from connector.ids import new_token
from connector.storage.base import Blobs

T = TypeVar("T")
Where = Session | Connection

DELETING, RESCUING, GONE = "deleting", "rescuing", "gone"
RESCUE_SECONDS = 120.0
RESCUES = 20
# Pictures whose bytes are deleted in one hold of the lock, for which a rescue has to wait.
AT_ONCE = 20
LOCK = "removals"

_TOKEN = select(Removal.token).where(Removal.sha256 == bindparam("sha256"))
_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:what, 0))")
_TRY = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:what, 0))")

# By content: the token of a rescue under way.
Rescued = Mapping[str, str]


class BeingRemoved(Unavailable):
    """The bytes that were just put may have been deleted since: put them again, then once more."""

    def __init__(self, sha256: str) -> None:
        super().__init__(
            "This very picture is being deleted at this moment; send it again in a few seconds.",
            code="picture_being_deleted",
            retry_after=2,
        )
        self.sha256 = sha256


def share(where: Where, sha256: str) -> None:
    """Let nobody mark this content before this transaction has ended; others may share it.

    SQLite's writers take turns anyway.
    """
    if _connection(where).dialect.name == "postgresql":
        where.execute(_SHARED, {"what": _key(sha256)})


def sure(where: Where, sha256: str, rescued: str | None = None) -> None:
    """Be sure, in a transaction that `share`s it, that what was put is there and stays.

    Raises BeingRemoved, but not for whom it was put again under the token `rescued`.
    """
    found = where.execute(_TOKEN, {"sha256": sha256}).one_or_none()
    if found is None:
        return
    mine = (
        delete(Removal)
        .where(Removal.sha256 == sha256, Removal.state == RESCUING, Removal.token == rescued)
        .returning(Removal.sha256)
    )
    if rescued is None or where.execute(mine).first() is None:
        raise BeingRemoved(sha256)


def put_surely(
    database: Database,
    blobs: Blobs,
    data: Callable[[str], bytes],
    write: Callable[[Rescued], T],
) -> T:
    """Return what `write` returned, a function that names bytes which were put just before.

    Where it finds them being removed they are put again (`data` gives them, by their hash) and it
    is called once more, with tokens for `sure`. Raises what it raised, NoSpace and Unavailable.
    """
    rescued: dict[str, str] = {}
    for _ in range(RESCUES):
        try:
            return write(rescued)
        except BeingRemoved as error:
            refused, sha256 = error, error.sha256
            rescued[sha256] = _rescue(database, sha256)
            blobs.put(data(sha256), sha256)
    raise refused


def _rescue(database: Database, sha256: str) -> str:
    """Let nobody delete these bytes for a while; several who put them may share one token."""
    with exclusive(database, LOCK), database.write() as session:
        mine = (
            update(Removal)
            .where(Removal.sha256 == sha256)
            .values(
                state=RESCUING,
                token=case((Removal.state == RESCUING, Removal.token), else_=new_token(16)),
                rescue_until=now(session) + timedelta(seconds=RESCUE_SECONDS),
            )
            .returning(Removal.token)
        )
        # No row any more: somebody else has just rescued them.
        return session.execute(mine).scalar_one_or_none() or ""


def try_alone(session: Session, hashes: Sequence[str]) -> set[str]:
    """Return those of the contents that nobody shares, and let nobody until this one has ended."""
    if session.connection().dialect.name != "postgresql":
        return set(hashes)
    # Tried and not waited for: others hold several of them, in any order.
    return {sha for sha in sorted(hashes) if session.scalar(_TRY, {"what": _key(sha)})}


def mark(session: Session, hashes: Sequence[str]) -> None:
    """Say that these contents may go, which nobody needs; the caller is `alone` with them."""
    session.execute(delete(Removal).where(Removal.sha256.in_(hashes)))
    session.add_all(Removal(sha256=sha256, state=DELETING) for sha256 in hashes)
    _forget_vectors(session, hashes)
    session.flush()


def any_open(session: Session) -> bool:
    """Say whether `finish` has something to do."""
    statement = select(Removal.sha256).where(_due(now(session)))
    return session.scalars(statement.limit(1)).first() is not None


def finish(database: Database, blobs: Blobs) -> int:
    """Delete the bytes of some contents that were marked; return how many, 0 when none is left.

    Raises Unavailable when the store is away; then they stay marked.
    """
    with exclusive(database, LOCK) as still:
        with database.write() as session:
            hashes = _claim(session)
        deleted: list[str] = []
        try:
            for sha256 in hashes:
                still()
                blobs.delete(sha256)
                deleted.append(sha256)
        finally:
            with database.write() as session:
                _gone(session, deleted)
    return len(deleted)


def _claim(session: Session) -> Sequence[str]:
    """Return contents to delete. From now on no rescue of these can end, should one be late."""
    due = _due(now(session))
    first = select(Removal.sha256).where(due).order_by(Removal.created_at).limit(AT_ONCE)
    claimed = (
        update(Removal)
        # Asked once more of each row as it is: a late rescue may just have come to its end.
        .where(Removal.sha256.in_(first.scalar_subquery()), due)
        .values(state=DELETING, token=None, rescue_until=None)
        .returning(Removal.sha256)
        .execution_options(synchronize_session=False)
    )
    return session.execute(claimed).scalars().all()


def _due(moment: datetime) -> ColumnElement[bool]:
    late = and_(Removal.state == RESCUING, Removal.rescue_until < moment)
    return and_(Removal.state != GONE, or_(Removal.state == DELETING, late))


def _gone(session: Session, hashes: Sequence[str]) -> None:
    session.execute(update(Removal).where(Removal.sha256.in_(hashes)).values(state=GONE))
    _forget_vectors(session, hashes)


def forget_late_vectors(session: Session, seconds: float) -> None:
    """Forget the vectors that somebody made and kept just when their picture was deleted."""
    since = now(session) - timedelta(seconds=seconds)
    lately = select(Removal.sha256).where(Removal.created_at > since)
    session.execute(delete(Embedding).where(Embedding.sha256.in_(lately)))


def _forget_vectors(session: Session, hashes: Sequence[str]) -> None:
    session.execute(delete(Embedding).where(Embedding.sha256.in_(hashes)))


def _key(sha256: str) -> str:
    return f"content {sha256}"


def _connection(where: Where) -> Connection:
    return where.connection() if isinstance(where, Session) else where
