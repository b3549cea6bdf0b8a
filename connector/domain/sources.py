"""Sources: the addresses at which other tools hand pictures in, and what came of their calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connector.db.session import alone
from connector.db.tables import Classifier, Prediction, Source, SourceEvent
from connector.db.types import Json, utcnow
from connector.domain import audit_log, source_events, source_settings, watched
from connector.domain.classifiers import FOLDER, HOOK, MAX_NAME, S3
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.domain.resources import iso
from connector.domain.source_names import own, shown_name
from connector.errors import Conflict, Unprocessable
from connector.ids import new_id, new_token
from connector.inbound import folder
from connector.settings import Settings, load_settings

ACTIVE, PAUSED = "active", "paused"
KINDS = (HOOK, FOLDER, S3)
GRACE_HOURS = 24
MAX_GRACE_HOURS = 24 * 30
MAX_SOURCES = 100


def create_source(
    session: Session,
    classifier: Classifier,
    *,
    name: str,
    settings: Mapping[str, Any],
    kind: str = HOOK,
    take_existing: bool = False,
    house: Settings | None = None,
) -> Source:
    """Make a source of that kind; `house` are the service's settings, else the environment's.

    Whether a folder may be watched is for `watched.check_allowed` to say, before. Raises
    Unprocessable for bad values, Conflict for a taken name, folder or queue, or too many.
    """
    if kind not in KINDS:
        raise Unprocessable(f"A source is of the kind {', '.join(KINDS)}.", code="bad_kind")
    checked = source_settings.checked(kind, settings, house or load_settings())
    _take_turns(session, classifier)
    _check_queue(session, checked, None)
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
        settings=checked,
        state=ACTIVE,
        refused=0,
        ignored=0,
    )
    if kind == FOLDER:
        watched.check_apart(others, folder.checked(row.settings))
    elif take_existing:
        raise Unprocessable(
            "Only a watched folder has existing pictures to take; leave out take_existing.",
            code="bad_source_settings",
        )
    session.add(row)
    session.flush()
    if kind == FOLDER:
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
    house: Settings | None = None,
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
        checked = source_settings.checked(
            row.kind, settings, house or load_settings(), row.settings
        )
        _set_settings(session, classifier, row, checked)
    session.flush()
    _note(session, row, "source.changed", before=before, after=_brief(row))


def _set_settings(session: Session, classifier: Classifier, row: Source, settings: Json) -> None:
    before, row.settings = row.settings, settings
    _check_queue(session, settings, row)
    if row.kind == FOLDER and settings != before:
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
    shown = source_settings.shown(row.kind, row.settings)
    return {"name": shown_name(row), "kind": row.kind, "state": row.state, "settings": shown}


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


def hook_url(row: Source, public_url: str) -> str:
    """Return the address that opens it."""
    return f"{public_url}/hooks/{row.token}{'/s3' if row.kind == S3 else ''}"


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
        "settings": source_settings.shown(row.kind, row.settings),
        "hook_url": None if row.kind == FOLDER else hook_url(row, public_url),
        "previous_url_until": iso(row.previous_token_until) if graced else None,
        "accepted": session.execute(accepted).scalar_one(),
        "refused": row.refused,
        "ignored": row.ignored,
        "watching": watched.shown(session, row.id) if row.kind == FOLDER else None,
        "last_event_at": iso(source_events.last_at(session, row)),
        "url": f"{base}/sources/{row.id}",
        "created_at": iso(row.created_at),
    }


def _take_turns(session: Session, classifier: Classifier) -> None:
    """Let names be given one by one, so that two that are the same meet here."""
    alone(session, f"sources of {classifier.id}")


def _check_queue(session: Session, settings: Mapping[str, Any], row: Source | None) -> None:
    """Refuse a queue that another source receives from: each would miss what the other got."""
    url = settings.get("queue_url")
    if url is None:
        return
    alone(session, "queues of sources")
    statement = select(Source).where(Source.kind == S3, Source.deleted_at.is_(None))
    others = [one for one in session.scalars(statement) if row is None or one.id != row.id]
    if any(one.settings.get("queue_url") == url for one in others):
        raise Conflict(
            "Another source receives from this queue already; give each a queue of its own.",
            code="queue_taken",
        )


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
