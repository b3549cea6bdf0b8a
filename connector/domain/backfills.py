"""Back-fills: the walk through what a bucket holds already, kept so that it can go on anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.session import alone
from connector.db.tables import Backfill, Classifier, Source
from connector.db.types import Json, utcnow
from connector.domain import audit_log, leases, longwork, resources
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.domain.s3_setup import place_of
from connector.errors import ColabelError, Conflict, NotFound, Unprocessable
from connector.ids import new_id

STOPPED = "stopped"
MAX_UNFINISHED = 20

Claimed = longwork.Claimed[Backfill]
WORK = longwork.LongWork(
    Backfill,
    "back-fill",
    f"This back-fill ended its process {longwork.STRIKES} times without getting on; begin another "
    "one with a longer prefix, which leaves out what is at fault.",
)


def begin(
    session: Session, row: Source, *, bucket: str | None = None, prefix: str | None = None
) -> Backfill:
    """Queue the walk through a bucket of the source, or the part of it that begins with `prefix`.

    Raises Conflict (not_s3, too_many_backfills) and Unprocessable (bad_backfill).
    """
    place = place_of(row)
    if bucket is None and len(place.buckets) == 1:
        bucket = place.buckets[0]
    if bucket not in place.buckets:
        raise Unprocessable(
            f"Name one of the source's buckets: {', '.join(place.buckets)}.", code="bad_backfill"
        )
    prefix = place.prefix if prefix is None else prefix
    if not prefix.startswith(place.prefix) or len(prefix) > 1000:
        raise Unprocessable(
            f"The source takes keys that begin with {place.prefix!r}, so must the prefix.",
            code="bad_backfill",
        )
    alone(session, f"backfills of {row.id}")
    mine = select(Backfill.id).where(Backfill.source_id == row.id, WORK.unfinished())
    if len(session.scalars(mine).all()) >= MAX_UNFINISHED:
        raise Conflict(
            f"{MAX_UNFINISHED} back-fills of this source wait or run already; stop one first.",
            code="too_many_backfills",
        )
    made = Backfill(
        id=new_id("bkf"),
        workspace_id=row.workspace_id,
        source_id=row.id,
        bucket=bucket,
        prefix=prefix,
        status="queued",
        seen=0,
        accepted=0,
        known=0,
        ignored=0,
        strikes=0,
    )
    session.add(made)
    session.flush()
    _note(session, row.classifier_id, made, "backfill.started")
    return made


def _note(session: Session, classifier_id: str, row: Backfill, what: str) -> None:
    audit_log.note(
        session,
        row.workspace_id,
        what,
        row.id,
        classifier_id=classifier_id,
        after={"source_id": row.source_id, "bucket": row.bucket, "prefix": row.prefix},
    )


def get(session: Session, row: Source, backfill_id: str) -> Backfill:
    """Return one back-fill of the source. Raises NotFound."""
    found = session.get(Backfill, backfill_id)
    if found is None or found.source_id != row.id:
        raise NotFound(f"There is no back-fill {backfill_id} of this source.")
    return found


def list_all(
    session: Session, row: Source, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[Backfill]:
    """Return its back-fills, newest first. Raises BadRequest for bad paging."""
    statement = select(Backfill).where(Backfill.source_id == row.id)
    return page(session, statement, Backfill.id, cursor=cursor, limit=limit)


def stop(session: Session, row: Backfill) -> None:
    """Let it take nothing more; what it took stays. Fine when it has ended already."""
    if row.status in longwork.UNFINISHED:
        # Without its lease, whoever works on it learns at the next write that it is over.
        row.status, row.finished_at = STOPPED, utcnow()
        row.lease_token = row.lease_until = None
        row.waiting_code = row.waiting = None
        source = session.get_one(Source, row.source_id)
        _note(session, source.classifier_id, row, "backfill.stopped")
        session.flush()


def claim(session: Session, seconds: float) -> Claimed | None:
    """Claim the oldest back-fill that nobody holds."""
    return WORK.claim(session, seconds)


def any_waiting(session: Session) -> bool:
    """Say whether one is queued or under way."""
    return (
        session.scalars(select(Backfill.id).where(WORK.unfinished()).limit(1)).first() is not None
    )


def advance(session: Session, claimed: Claimed, after_key: str, counts: Mapping[str, int]) -> None:
    """Keep that everything up to a key was seen to, and what came of it. Raises LostLease."""
    row = WORK.held(session, claimed)
    row.after_key = after_key
    for name, count in counts.items():
        setattr(row, name, getattr(row, name) + count)
    # It gets on, so that earlier ends of its process were not its doing.
    row.strikes = 0
    row.waiting_code = row.waiting = None


def wait(session: Session, claimed: Claimed, error: ColabelError) -> None:
    """Say why it does not go on at present. Raises LostLease."""
    row = WORK.held(session, claimed)
    row.waiting_code, row.waiting = error.code, error.detail[:1000]


def held(session: Session, claimed: Claimed) -> Backfill:
    """Return the row as it is now, which nobody else writes meanwhile. Raises LostLease."""
    return WORK.held(session, claimed)


def give_back(session: Session, claimed: Claimed) -> None:
    """Leave the rest to whoever comes next; no strike is counted."""
    leases.release(session, Backfill, claimed.claim)


def finish(session: Session, claimed: Claimed) -> None:
    """Say that everything was seen to. Raises LostLease."""
    row = WORK.done(session, claimed)
    row.waiting_code = row.waiting = None


def resource(row: Backfill, classifier: Classifier, public_url: str) -> Json:
    """Return the resource as JSON values."""
    base = f"{public_url}/api/v1/classifiers/{classifier.id}/sources/{row.source_id}"
    shown: dict[str, Any] = {
        name: getattr(row, name)
        for name in ("id", "source_id", "bucket", "prefix", "status", "after_key")
    }
    shown |= {name: getattr(row, name) for name in ("seen", "accepted", "known", "ignored")}
    return {
        **shown,
        "waiting": resources.problem(row.waiting_code, row.waiting),
        "error": resources.problem(row.error_code, row.error),
        "url": f"{base}/backfills/{row.id}",
        "created_at": resources.iso(row.created_at),
        "finished_at": resources.iso(row.finished_at),
    }
