"""Logging in that failed too often has to wait; the database counts, for all web processes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from connector.db.session import alone, now
from connector.db.tables import LoginThrottle
from connector.errors import TooMany

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)
# After so long without a failure, all is forgotten.
FORGOTTEN = timedelta(hours=1)


@dataclass(frozen=True)
class Limit:
    """One thing whose failures are counted: a key, and how many are free."""

    key: str
    free: int
    what: str


def of_email(email: str) -> Limit:
    """An account that somebody guesses at, from wherever."""
    return Limit(f"email:{email}", 5, "for this e-mail address")


def of_known(email: str, address: str) -> Limit:
    """An account, from an address where its owner has logged in before.

    Counted apart, so that a stranger who guesses cannot lock the owner out.
    """
    return Limit(f"known:{email}:{address}", 5, "for this e-mail address")


def of_address(address: str) -> Limit:
    """Whoever guesses at many accounts from one place; many people may share it."""
    return Limit(f"address:{address}", 20, "from your network")


def attempt(session: Session, limits: list[Limit]) -> None:
    """Count an attempt as failed, before it is known: of many at once none slips through.

    `succeeded` takes it back. Raises TooMany (too_many_logins) while one of the limits says wait.
    """
    moment = now(session)
    rows = [_row(session, limit, moment) for limit in sorted(limits, key=lambda one: one.key)]
    for limit, row in zip(sorted(limits, key=lambda one: one.key), rows, strict=True):
        if row.blocked_until is not None and row.blocked_until > moment:
            raise _wait(limit, row.blocked_until - moment)
    for limit, row in zip(sorted(limits, key=lambda one: one.key), rows, strict=True):
        row.failures += 1
        row.last_at = moment
        beyond = row.failures - limit.free
        row.blocked_until = moment + _pause(beyond) if beyond >= 0 else None
    session.flush()


def succeeded(session: Session, limits: list[Limit]) -> None:
    """Forget what was counted against the account; of the address, this attempt only."""
    for limit in limits:
        row = session.get(LoginThrottle, limit.key, with_for_update=True)
        if row is None:
            continue
        if limit.key.startswith("address:") and row.failures > 1:
            row.failures -= 1
            row.blocked_until = None if row.failures < limit.free else row.blocked_until
        else:
            session.delete(row)
    session.flush()


def forget_old(session: Session) -> None:
    """Delete what no longer counts."""
    session.execute(
        delete(LoginThrottle).where(LoginThrottle.last_at < now(session) - 2 * FORGOTTEN)
    )


def _row(session: Session, limit: Limit, moment: datetime) -> LoginThrottle:
    # A row that is not there yet cannot be locked.
    alone(session, limit.key)
    row = session.get(LoginThrottle, limit.key)
    if row is None:
        row = LoginThrottle(key=limit.key, failures=0, last_at=moment, blocked_until=None)
        session.add(row)
    elif moment - row.last_at > FORGOTTEN:
        row.failures, row.blocked_until = 0, None
    return row


def _pause(beyond: int) -> timedelta:
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(beyond, 10)))


def _wait(limit: Limit, left: timedelta) -> TooMany:
    seconds = max(1, math.ceil(left.total_seconds()))
    minutes = math.ceil(seconds / 60)
    when = f"{seconds} seconds" if seconds < 90 else f"{minutes} minutes"
    return TooMany(
        f"Logging in failed too often {limit.what}; try again in {when}.",
        code="too_many_logins",
        retry_after=seconds,
    )
