"""Words to one person in Slack, on their way: claimed, said by the caller, recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import SlackReply
from connector.domain import effects, leases
from connector.errors import ColabelError

# Slack forgets the address of a click after half an hour.
LASTS = timedelta(minutes=30)


@dataclass(frozen=True)
class Held:
    """A word that this worker says now."""

    claim: leases.Claim
    url: str
    text: str


def _due(session: Session) -> ColumnElement[bool]:
    return and_(SlackReply.status == "waiting", SlackReply.due_at <= now(session))


def any_due(session: Session) -> bool:
    """Say whether something waits to be said that nobody holds."""
    free = or_(SlackReply.lease_until.is_(None), SlackReply.lease_until < now(session))
    return (
        session.scalars(select(SlackReply.id).where(_due(session), free).limit(1)).first()
        is not None
    )


def claim(session: Session, seconds: float) -> Held | None:
    """Claim one that is due, None when there is none."""
    found = leases.claim(session, SlackReply, _due(session), limit=1, seconds=seconds)
    if not found.ids:
        return None
    row = session.get_one(SlackReply, found.ids[0], populate_existing=True)
    return Held(found, row.url, row.text)


def record(session: Session, held: Held, error: ColabelError | None) -> None:
    """It was said, or is said again later while there is sense in that; ours alone to record."""
    if not leases.held(session, SlackReply, held.claim):
        return
    row = session.get_one(SlackReply, held.claim.ids[0], populate_existing=True)
    row.lease_token = row.lease_until = None
    row.attempts += 1
    row.error = None if error is None else error.detail
    moment = now(session)
    wait = None if error is None else effects.retry_wait(error, row.attempts)
    if error is None:
        row.status = "sent"
    elif wait is None or moment + timedelta(seconds=wait) > row.created_at + LASTS:
        row.status = "failed"
    else:
        row.due_at = moment + timedelta(seconds=wait)
