"""Who did what: an entry beside every change, written in the change's own transaction.

Whoever lets somebody in says who it is (`acting`); domain functions that change something note it.
Entries are never changed, and what is secret never gets into them: no token, no key, no address's
path or query, and of a rule's actions their kinds alone (its versions are kept with the rule).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from connector.db.tables import AuditEntry, Classifier
from connector.db.types import Json
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.ids import new_id
from connector.logs import redact

MAX_TEXT = 200
MAX_ITEMS = 50


@dataclass(frozen=True)
class Actor:
    """Somebody who changes something: kind key, person, cli or system; `id` is a key's."""

    kind: str
    name: str
    id: str | None = None
    address: str | None = None


SYSTEM = Actor("system", "colabel")
_ACTOR: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Let what is noted inside the block be done by `actor`; outside it is the service itself."""
    token = _ACTOR.set(actor)
    try:
        yield
    finally:
        _ACTOR.reset(token)


def whoever() -> str | None:
    """Return the name of who acts, None where it is the service itself."""
    actor = _ACTOR.get()
    return None if actor == SYSTEM else actor.name


def brief(row: Any, *columns: str) -> Json:
    """Return these columns of a row as they are now, for `note`."""
    return {name: getattr(row, name) for name in columns}


def note(
    session: Session,
    workspace_id: str,
    what: str,
    resource_id: str,
    *,
    classifier_id: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write an entry; of `before` and `after`, where both are given, what differs.

    Where nothing differs nothing happened, and no entry is written.
    """
    if before is not None and after is not None:
        changed = [name for name in after if before.get(name) != after[name]]
        if not changed:
            return
        before = {name: before.get(name) for name in changed}
        after = {name: after[name] for name in changed}
    actor = _ACTOR.get()
    session.add(
        AuditEntry(
            id=new_id("aud"),
            workspace_id=workspace_id,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            address=actor.address,
            what=what,
            resource_id=resource_id,
            classifier_id=classifier_id,
            before=None if before is None else _short(before),
            after=None if after is None else _short(after),
        )
    )


def note_in(
    session: Session,
    classifier: Classifier,
    what: str,
    resource_id: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """`note` a change of something that belongs to a classifier, or of itself."""
    note(
        session,
        classifier.workspace_id,
        what,
        resource_id,
        classifier_id=classifier.id,
        before=before,
        after=after,
    )


def _short(values: Mapping[str, Any]) -> Json:
    return {name: _shorter(value) for name, value in values.items()}


def _shorter(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _short(value)
    if isinstance(value, list | tuple):
        return [_shorter(one) for one in value[:MAX_ITEMS]]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        text = redact(value)
        return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
    return value


def shown_url(url: str) -> str:
    """Return the scheme and host of an address: what follows may be a secret, as Slack's is."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}/…"


def shown_actions(actions: list[Json]) -> list[str]:
    """Return the kinds of a rule's actions."""
    return [str(one["kind"]) for one in actions]


def list_entries(
    session: Session,
    workspace_id: str,
    *,
    what: str | None = None,
    by: str | None = None,
    resource_id: str | None = None,
    classifier_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[AuditEntry]:
    """Return a page of entries, newest first. Raises BadRequest for bad paging.

    `what` is one kind of change or, as "rule", all about rules; `by` a key's id, a kind of actor
    or a name; `since` is included, `until` is not.
    """
    statement = select(AuditEntry).where(AuditEntry.workspace_id == workspace_id)
    if what is not None:
        about = AuditEntry.what.startswith(f"{what}.", autoescape=True)
        statement = statement.where(or_(AuditEntry.what == what, about))
    if by is not None:
        columns = (AuditEntry.actor_id, AuditEntry.actor_kind, AuditEntry.actor_name)
        statement = statement.where(or_(*(column == by for column in columns)))
    if resource_id is not None:
        statement = statement.where(AuditEntry.resource_id == resource_id)
    if classifier_id is not None:
        statement = statement.where(AuditEntry.classifier_id == classifier_id)
    if since is not None:
        statement = statement.where(AuditEntry.created_at >= since)
    if until is not None:
        statement = statement.where(AuditEntry.created_at < until)
    return page(session, statement, AuditEntry.id, cursor=cursor, limit=limit)


def resource(row: AuditEntry) -> dict[str, Any]:
    """Return the resource as JSON values."""
    return {
        "id": row.id,
        "created_at": row.created_at.isoformat(timespec="milliseconds"),
        "what": row.what,
        "resource_id": row.resource_id,
        "classifier_id": row.classifier_id,
        "actor": {"kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name},
        "address": row.address,
        "before": row.before,
        "after": row.after,
    }
