"""What came of the calls to a source, for its owner: refusals, and reports passed over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connector.db.tables import Prediction, Source, SourceEvent
from connector.db.types import Json
from connector.domain import watched
from connector.domain.resources import iso
from connector.ids import new_id
from connector.inbound.s3_events import PassedOver
from connector.logs import redact

REFUSED, IGNORED = "refused", "ignored"
KEPT_EVENTS = 20
MAX_DETAIL = 500
# What follows ? or # in an address may hold a signature, and is nothing that explains a failure.
_URL_TAIL = re.compile(r"(https?://[^\s?#]+)[?#][^\s,;)]*")


def note_refusal(
    session: Session, source_id: str, *, code: str, detail: str, pictures: int, calls: int = 1
) -> None:
    """Keep why a call was refused, of the last 20 calls, without anything that it held.

    It may stand for several `calls` that were refused for the same reason, or for none: nothing was
    refused then, but its owner wants to know.
    """
    one = _noted(source_id, REFUSED, code, detail, pictures)
    _note(session, source_id, {"refused": Source.refused + calls}, [one])


def note_ignored(session: Session, source_id: str, reasons: Sequence[PassedOver]) -> None:
    """Keep why what was reported to a source was passed over, of the last 20 reports."""
    events = [_noted(source_id, IGNORED, one.code, one.detail, 0) for one in reasons]
    counted = {"ignored": Source.ignored + len(reasons)}
    _note(session, source_id, counted, events[-KEPT_EVENTS:])


def _noted(source_id: str, outcome: str, code: str, detail: str, pictures: int) -> SourceEvent:
    sentence = redact(_URL_TAIL.sub(r"\1", detail))[:MAX_DETAIL]
    return SourceEvent(
        id=new_id("sev"),
        source_id=source_id,
        outcome=outcome,
        code=code,
        detail=sentence,
        pictures=pictures,
    )


def _note(
    session: Session, source_id: str, counted: Mapping[str, Any], events: Sequence[SourceEvent]
) -> None:
    """Count and keep what happened; of each outcome the last 20 stay."""
    live = update(Source).where(Source.id == source_id, Source.deleted_at.is_(None))
    # First, because it makes the calls of one source wait for each other.
    if session.execute(live.values(**counted)).rowcount == 0:  # type: ignore[attr-defined]
        return
    session.add_all(events)
    session.flush()
    for outcome in {one.outcome for one in events}:
        alike = (SourceEvent.source_id == source_id, SourceEvent.outcome == outcome)
        newest = select(SourceEvent.id).where(*alike).order_by(SourceEvent.id.desc())
        session.execute(
            delete_rows(SourceEvent).where(*alike, SourceEvent.id.not_in(newest.limit(KEPT_EVENTS)))
        )


def shown(session: Session, row: Source) -> list[Json]:
    """Return what its last 20 pictures and refused calls came to, newest first.

    With the last 20 reports that were passed over: however many those are, they hide no refusal.
    """
    found = _of_outcome(session, row, REFUSED)
    taken = select(Prediction.id, Prediction.created_at).where(Prediction.source_id == row.id)
    for one in session.execute(taken.order_by(Prediction.id.desc()).limit(KEPT_EVENTS)):
        event = _event("accepted", one.created_at, 1, None, None, prediction_id=one.id)
        found.append((one.created_at, event))
    found.sort(key=lambda pair: pair[0], reverse=True)
    found = [*found[:KEPT_EVENTS], *_of_outcome(session, row, IGNORED)]
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [event for _, event in found]


def last_at(session: Session, row: Source) -> datetime | None:
    """Return when something last came of a call to it."""
    taken = select(Prediction.created_at).where(Prediction.source_id == row.id)
    noted = select(SourceEvent.created_at).where(SourceEvent.source_id == row.id)
    moments = (
        session.scalars(taken.order_by(Prediction.id.desc()).limit(1)).first(),
        session.scalars(noted.order_by(SourceEvent.id.desc()).limit(1)).first(),
    )
    return max((moment for moment in moments if moment is not None), default=None)


def _of_outcome(session: Session, row: Source, outcome: str) -> list[tuple[datetime, Json]]:
    mine = select(SourceEvent).where(
        SourceEvent.source_id == row.id, SourceEvent.outcome == outcome
    )
    return [
        (one.created_at, _event(_word(one), one.created_at, one.pictures, one.code, one.detail))
        for one in session.scalars(mine.order_by(SourceEvent.id.desc()).limit(KEPT_EVENTS))
    ]


def _word(one: SourceEvent) -> str:
    return "notice" if one.code in watched.NOTICES else one.outcome


def _event(
    outcome: str,
    moment: datetime,
    pictures: int,
    code: str | None,
    detail: str | None,
    *,
    prediction_id: str | None = None,
) -> Json:
    return {
        "outcome": outcome,
        "pictures": pictures,
        "code": code,
        "detail": detail,
        "prediction_id": prediction_id,
        "created_at": iso(moment),
    }
