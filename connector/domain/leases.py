"""Claims on rows: a lease that runs out, and a token that fences off whoever lost it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.ids import new_token


@dataclass(frozen=True)
class Claim:
    """What one worker holds: ids, and the token that every later write must show."""

    ids: tuple[str, ...]
    token: str
    # Ids whose former holder let the lease run out: it crashed or hung while working on them.
    abandoned: frozenset[str]


def claim(
    session: Session,
    table: Any,
    condition: ColumnElement[bool],
    *,
    limit: int,
    seconds: float,
    order_by: Any = None,
) -> Claim:
    """Claim up to `limit` rows of `table` that fulfil `condition` and nobody holds.

    The transaction must be a writing one; on PostgreSQL rows locked by others are skipped.
    """
    moment = now(session)
    free = or_(table.lease_until.is_(None), table.lease_until < moment)
    statement = (
        select(table.id, table.lease_token)
        .where(condition, free)
        .order_by(table.id if order_by is None else order_by)
        .limit(limit)
        .with_for_update(skip_locked=True, of=table)
    )
    rows = session.execute(statement).all()
    taken = Claim(
        tuple(row.id for row in rows),
        new_token(20),
        frozenset(row.id for row in rows if row.lease_token is not None),
    )
    if rows:
        session.execute(
            update(table)
            .where(table.id.in_(taken.ids))
            .values(lease_token=taken.token, lease_until=moment + timedelta(seconds=seconds))
            .execution_options(synchronize_session=False)
        )
    return taken


def renew(session: Session, table: Any, claim: Claim, seconds: float) -> int:
    """Make the lease last `seconds` from now; return how many rows we still hold."""
    until = now(session) + timedelta(seconds=seconds)
    return write(session, table, claim, lease_until=until)


def release(session: Session, table: Any, claim: Claim) -> int:
    """Give the rows back untouched, for whoever comes next."""
    return write(session, table, claim, lease_token=None, lease_until=None)


def rest(session: Session, table: Any, claim: Claim) -> int:
    """Give the rows up, but nobody takes them before the lease runs out; none counts as abandoned.

    For work that a neighbour stopped, not a crash: at once it would only be stopped again.
    """
    return write(session, table, claim, lease_token=None)


def held(session: Session, table: Any, claim: Claim, ids: Sequence[str] | None = None) -> set[str]:
    """Return those ids that this claim still holds, locked until the transaction ends."""
    wanted = claim.ids if ids is None else ids
    statement = (
        select(table.id)
        .where(table.id.in_(wanted), table.lease_token == claim.token)
        .with_for_update(of=table)
    )
    return set(session.scalars(statement))


def write(session: Session, table: Any, claim: Claim, **values: Any) -> int:
    """Set columns of the rows that we still hold; return how many those are."""
    if not claim.ids:
        return 0
    # Without the ORM, which would take longer over it than the database.
    rows = table.__table__
    statement = (
        update(rows)
        .where(rows.c.id.in_(claim.ids), rows.c.lease_token == claim.token)
        .values(**values)
    )
    return session.connection().execute(statement).rowcount
