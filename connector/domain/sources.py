"""Sources: the addresses at which other tools hand pictures in, and what came of their calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from connector.db.session import alone
from connector.db.tables import Classifier, Prediction, Source, SourceEvent
from connector.db.types import Json, utcnow
from connector.domain import audit_log, watched
from connector.domain.classifiers import HOOK, MAX_NAME
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.domain.resources import iso
from connector.domain.source_names import own, shown_name
from connector.errors import Conflict, Unprocessable
from connector.ids import new_id, new_token
from connector.inbound import folder
from connector.inbound.generic import parse_path
from connector.logs import redact

ACTIVE, PAUSED = "active", "paused"
# The hook that every classifier is made with has no name of its own.
SETTINGS = ("image_field",)
KEPT_EVENTS = 20
MAX_DETAIL = 500
GRACE_HOURS = 24
MAX_GRACE_HOURS = 24 * 30
MAX_SOURCES = 100
# What follows ? or # in an address may hold a signature, and is nothing that explains a failure.
_URL_TAIL = re.compile(r"(https?://[^\s?#]+)[?#][^\s,;)]*")


def create_source(
    session: Session,
    classifier: Classifier,
    *,
    name: str,
    settings: Mapping[str, Any],
    kind: str = HOOK,
    take_existing: bool = False,
) -> Source:
    """Make a hook, or let a folder be watched (which `watched.check_allowed` has allowed).

    Raises Unprocessable for bad values, Conflict for a taken name or folder, or too many.
    """
    _take_turns(session, classifier)
    others = list(session.scalars(own(classifier)))
    if len(others) >= MAX_SOURCES:
        raise Conflict(
            f"This classifier has {MAX_SOURCES} sources; delete one first.", code="too_many_sources"
        )
    row = Source(
        id=new_id("src"),
        workspace_id=classifier.workspace_id,
        classifier_id=classifier.id,
        kind=kind,
        name=_free_name(others, name),
        settings=checked_settings(settings, kind),
        state=ACTIVE,
        refused=0,
    )
    if kind == watched.FOLDER:
        watched.check_apart(others, folder.checked(row.settings))
    elif take_existing:
        raise Unprocessable(
            "Only a watched folder has existing pictures to take; leave out take_existing.",
            code="bad_source_settings",
        )
    session.add(row)
    session.flush()
    if kind == watched.FOLDER:
        watched.begin(session, row, take_existing=take_existing)
    _note(session, row, "source.created", after=_brief(row))
    return row


def list_sources(
    session: Session,
    classifier: Classifier,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Source]:
    """Return its sources, newest first, without the API's own. Raises BadRequest for bad paging."""
    return page(session, own(classifier), Source.id, cursor=cursor, limit=limit)


def update_source(
    session: Session,
    classifier: Classifier,
    row: Source,
    *,
    name: str | None = None,
    state: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Change what is given. Raises Unprocessable for bad values, Conflict for a taken name."""
    before = _brief(row)
    if name is not None and name != shown_name(row):
        _take_turns(session, classifier)
        others = [one for one in session.scalars(own(classifier)) if one.id != row.id]
        row.name = _free_name(others, name)
    if state is not None:
        if state not in (ACTIVE, PAUSED):
            raise Unprocessable("The state is active or paused.", code="bad_state")
        row.state = state
    if settings is not None:
        _set_settings(session, classifier, row, checked_settings(settings, row.kind))
    session.flush()
    _note(session, row, "source.changed", before=before, after=_brief(row))


def _set_settings(session: Session, classifier: Classifier, row: Source, settings: Json) -> None:
    before, row.settings = row.settings, settings
    if row.kind == watched.FOLDER and settings != before:
        _take_turns(session, classifier)
        others = [one for one in session.scalars(own(classifier)) if one.id != row.id]
        watched.check_apart(others, folder.checked(settings))
        watched.resettle(session, row, before)


def check_kind(row: Source, kind: str) -> None:
    """Raise Conflict (wrong_kind_of_source) unless it is of this kind."""
    if row.kind != kind:
        raise Conflict(
            f"This works for a source of the kind {kind!r}; {shown_name(row)!r} is of the kind "
            f"{row.kind!r}.",
            code="wrong_kind_of_source",
        )


def rotate_token(session: Session, row: Source, *, grace_hours: float = GRACE_HOURS) -> None:
    """Give it a new token; the one before works for so long still, any older one no more.

    Raises Unprocessable for a grace period out of range.
    """
    if not 0 <= grace_hours <= MAX_GRACE_HOURS:
        raise Unprocessable(
            f"The grace period is 0 to {MAX_GRACE_HOURS} hours.", code="bad_grace_period"
        )
    row.previous_token = row.token if grace_hours else None
    row.previous_token_until = utcnow() + timedelta(hours=grace_hours) if grace_hours else None
    row.token = new_token(32)
    session.flush()
    _note(session, row, "source.token_rotated", after={"grace_hours": grace_hours})


def delete_source(session: Session, row: Source) -> None:
    """Close it for good; the predictions that it brought stay."""
    _note(session, row, "source.deleted", before=_brief(row))
    row.deleted_at = utcnow()
    # Gone for a process of an earlier release too, which does not know of deleted sources.
    row.token, row.previous_token, row.previous_token_until = new_token(32), None, None
    # Free for another one; no name that is given holds a line break.
    row.name = f"\n{row.id}"
    watched.end(session, row)
    session.execute(delete_rows(SourceEvent).where(SourceEvent.source_id == row.id))
    session.flush()


def _brief(row: Source) -> Json:
    return {"name": shown_name(row), "kind": row.kind, **audit_log.brief(row, "state", "settings")}


def _note(session: Session, row: Source, what: str, **values: Json) -> None:
    audit_log.note(
        session,
        row.workspace_id,
        what,
        row.id,
        classifier_id=row.classifier_id,
        before=values.get("before"),
        after=values.get("after"),
    )


def note_refusal(
    session: Session, source_id: str, *, code: str, detail: str, pictures: int, calls: int = 1
) -> None:
    """Keep why a call was refused, of the last 20 calls, without anything that it held.

    It may stand for several `calls` that were refused for the same reason, or for none: nothing was
    refused then, but its owner wants to know.
    """
    sentence = redact(_URL_TAIL.sub(r"\1", detail))[:MAX_DETAIL]
    event = SourceEvent(source_id=source_id, code=code, detail=sentence, pictures=pictures)
    mine = update(Source).where(Source.id == source_id, Source.deleted_at.is_(None))
    # First, because it makes the calls of one source wait for each other.
    if session.execute(mine.values(refused=Source.refused + calls)).rowcount == 0:  # type: ignore[attr-defined]
        return
    session.add(event)
    session.flush()
    all_of_it = select(SourceEvent.id).where(SourceEvent.source_id == source_id)
    kept = all_of_it.order_by(SourceEvent.id.desc()).limit(KEPT_EVENTS)
    session.execute(
        delete_rows(SourceEvent).where(
            SourceEvent.source_id == source_id, SourceEvent.id.not_in(kept)
        )
    )


def checked_settings(settings: Mapping[str, Any], kind: str = HOOK) -> Json:
    """Return the settings as they are kept. Raises Unprocessable (bad_source_settings)."""
    if kind == watched.FOLDER:
        return folder.checked(settings).as_kept()
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise Unprocessable(
            f"There is no setting {unknown[0]!r}; there is {', '.join(SETTINGS)}.",
            code="bad_source_settings",
        )
    path = settings.get("image_field")
    if path is None:
        return {}
    try:
        parse_path(path)
    except ValueError as error:
        raise Unprocessable(f"image_field: {error}.", code="bad_source_settings") from error
    return {"image_field": path}


def summary(session: Session, row: Source, public_url: str) -> Json:
    """Return the resource as JSON values: its address, and how much came by it."""
    accepted = select(func.count()).select_from(Prediction).where(Prediction.source_id == row.id)
    graced = row.previous_token_until is not None and row.previous_token_until > utcnow()
    base = f"{public_url}/api/v1/classifiers/{row.classifier_id}"
    return {
        "id": row.id,
        "classifier_id": row.classifier_id,
        "kind": row.kind,
        "name": shown_name(row),
        "state": row.state,
        "settings": row.settings,
        "hook_url": f"{public_url}/hooks/{row.token}" if row.kind == HOOK else None,
        "previous_url_until": iso(row.previous_token_until) if graced else None,
        "accepted": session.execute(accepted).scalar_one(),
        "refused": row.refused,
        "watching": watched.shown(session, row.id) if row.kind == watched.FOLDER else None,
        "last_event_at": iso(_last_event_at(session, row)),
        "url": f"{base}/sources/{row.id}",
        "created_at": iso(row.created_at),
    }


def events(session: Session, row: Source) -> list[Json]:
    """Return what its last 20 pictures and refused calls came to, newest first."""
    refused = select(SourceEvent).where(SourceEvent.source_id == row.id)
    taken = select(Prediction.id, Prediction.created_at).where(Prediction.source_id == row.id)
    found: list[tuple[datetime, Json]] = [
        (
            one.created_at,
            _event(_outcome(one.code), one.created_at, one.pictures, one.code, one.detail),
        )
        for one in session.scalars(refused.order_by(SourceEvent.id.desc()).limit(KEPT_EVENTS))
    ]
    for one in session.execute(taken.order_by(Prediction.id.desc()).limit(KEPT_EVENTS)):
        event = _event("accepted", one.created_at, 1, None, None, prediction_id=one.id)
        found.append((one.created_at, event))
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [event for _, event in found[:KEPT_EVENTS]]


def _outcome(code: str) -> str:
    return "notice" if code in watched.NOTICES else "refused"


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


def _last_event_at(session: Session, row: Source) -> datetime | None:
    taken = select(Prediction.created_at).where(Prediction.source_id == row.id)
    refused = select(SourceEvent.created_at).where(SourceEvent.source_id == row.id)
    moments = (
        session.scalars(taken.order_by(Prediction.id.desc()).limit(1)).first(),
        session.scalars(refused.order_by(SourceEvent.id.desc()).limit(1)).first(),
    )
    return max((moment for moment in moments if moment is not None), default=None)


def _take_turns(session: Session, classifier: Classifier) -> None:
    """Let names be given one by one, so that two that are the same meet here."""
    alone(session, f"sources of {classifier.id}")


def _free_name(others: list[Source], name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > MAX_NAME or not cleaned.isprintable():
        raise Unprocessable(
            f"A source needs a name of 1 to {MAX_NAME} printable characters.", code="bad_name"
        )
    if any(shown_name(other) == cleaned for other in others):
        raise Conflict(
            f"There is a source {cleaned!r} already; choose another name.", code="name_taken"
        )
    return cleaned
