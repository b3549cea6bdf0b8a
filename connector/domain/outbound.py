"""What is told to others: subscriptions, and events for those who subscribed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connector.db.session import want
from connector.db.tables import Classifier, Delivery, Event, Webhook
from connector.db.types import Json, utcnow
from connector.domain import audit_log, endpoints, event_filters
from connector.domain.event_filters import EVENT_TYPES
from connector.errors import NotFound, Unprocessable
from connector.fetch import check_url
from connector.ids import new_id
from connector.settings import Settings
from connector.signing import new_secret

SWITCHED_OFF = "Switched off by hand; enable it to go on."


@dataclass(frozen=True)
class Subscription:
    """An address and which events it is to get, as `subscription` makes them."""

    url: str
    event_types: tuple[str, ...]
    filters: Mapping[str, Any] = field(default_factory=dict)


def subscription(
    settings: Settings,
    url: str,
    event_types: Sequence[str],
    filters: Mapping[str, Any] | None = None,
) -> Subscription:
    """Check what is to be subscribed: before the transaction, since names are looked up.

    `filters`: as `EventFilters.kept` gives them. Raises Unprocessable for an unknown type or a
    filter that makes no sense for one, and ForbiddenAddress for an address inside.
    """
    unknown = sorted(set(event_types) - set(EVENT_TYPES))
    if unknown or not event_types:
        named = f"{', '.join(unknown)} is not one of them" if unknown else "none was named"
        raise Unprocessable(
            f"Event types are {', '.join(EVENT_TYPES)}; {named}.", code="unknown_event_type"
        )
    event_filters.check(filters or {}, event_types)
    check_url(url, settings=settings)
    return Subscription(url, tuple(dict.fromkeys(event_types)), dict(filters or {}))


def create_webhook(
    session: Session, workspace_id: str, wanted: Subscription, key_id: str | None = None
) -> Webhook:
    """Subscribe an address; the row's secret is for the subscriber's eyes.

    `key_id`: the key that it is made with, which may end it.
    """
    _check_classifiers(session, workspace_id, wanted.filters)
    webhook = Webhook(
        id=new_id("wh"),
        workspace_id=workspace_id,
        url=wanted.url,
        event_types=list(wanted.event_types),
        filters=dict(wanted.filters),
        key_id=key_id,
        secret=new_secret(),
    )
    session.add(webhook)
    session.flush()
    _note(session, webhook, "webhook.created", after=_brief(webhook))
    return webhook


def _check_classifiers(session: Session, workspace_id: str, filters: Mapping[str, Any]) -> None:
    """Raise Unprocessable for a classifier that is not here: nothing would ever be sent."""
    asked = filters.get("classifier_ids", [])
    statement = select(Classifier.id).where(
        Classifier.workspace_id == workspace_id,
        Classifier.deleted_at.is_(None),
        Classifier.id.in_(asked),
    )
    if missing := set(asked) - set(session.scalars(statement)):
        raise Unprocessable(
            f"There is no classifier {min(missing)} here; see GET /api/v1/classifiers.",
            code="bad_filter",
        )


def list_webhooks(session: Session, workspace_id: str) -> list[Webhook]:
    """Return the subscriptions, oldest first."""
    statement = select(Webhook).where(
        Webhook.workspace_id == workspace_id, Webhook.deleted_at.is_(None)
    )
    return list(session.scalars(statement.order_by(Webhook.id)))


def get_webhook(session: Session, workspace_id: str, webhook_id: str) -> Webhook:
    """Return one subscription. Raises NotFound."""
    webhook = session.get(Webhook, webhook_id)
    if webhook is None or webhook.workspace_id != workspace_id or webhook.deleted_at is not None:
        raise NotFound(f"There is no webhook {webhook_id} here; see GET /api/v1/webhooks.")
    return webhook


def delete_webhook(session: Session, workspace_id: str, webhook_id: str) -> None:
    """End a subscription at once: what waits for it is cancelled. Raises NotFound."""
    webhook = get_webhook(session, workspace_id, webhook_id)
    webhook.deleted_at = utcnow()
    _note(session, webhook, "webhook.deleted", before=_brief(webhook))
    cancel_waiting(session, webhook.id)


def end_of_key(session: Session, workspace_id: str, key_id: str) -> None:
    """End the subscriptions that were made with a key, at once."""
    for webhook in list_webhooks(session, workspace_id):
        if webhook.key_id == key_id:
            delete_webhook(session, workspace_id, webhook.id)


def cancel_waiting(session: Session, webhook_id: str) -> None:
    """Send nothing more of what waits for this subscription, retries under way included."""
    session.execute(
        update(Delivery)
        .where(Delivery.webhook_id == webhook_id, Delivery.status == "pending")
        .values(status="cancelled", finished_at=utcnow())
        .execution_options(synchronize_session=False)
    )


def rotate_secret(session: Session, webhook: Webhook, grace: timedelta) -> Webhook:
    """Give a new secret; the one before it signs too for `grace`. Older ones end at once."""
    webhook.previous_secret, webhook.previous_secret_until = webhook.secret, utcnow() + grace
    webhook.secret = new_secret()
    hours = grace.total_seconds() / 3600
    _note(session, webhook, "webhook.secret_rotated", after={"grace_hours": hours})
    return webhook


def change_webhook(
    session: Session, webhook: Webhook, wanted: Subscription, enabled: bool | None
) -> Webhook:
    """Send to another address, other events, or switch off (what waits is cancelled) and on."""
    before, url_before = _brief(webhook), webhook.url
    if wanted.filters != webhook.filters:
        _check_classifiers(session, webhook.workspace_id, wanted.filters)
    webhook.event_types, webhook.filters = list(wanted.event_types), dict(wanted.filters)
    if wanted.url != webhook.url:
        webhook.url = wanted.url
        # What waits goes to the new address too, and the old one's failures are not its own.
        session.execute(
            update(Delivery)
            .where(Delivery.webhook_id == webhook.id, Delivery.status == "pending")
            .values(url=wanted.url)
            .execution_options(synchronize_session=False)
        )
        endpoints.forget(session, webhook.id)
    if enabled is True:
        webhook.disabled_reason = None
        endpoints.forget(session, webhook.id)
    elif enabled is False and webhook.disabled_reason is None:
        _switch_off(session, webhook, SWITCHED_OFF)
    session.flush()
    # Of an address only the host is shown, so say so when only the rest of it changed.
    after = {**_brief(webhook), "url_changed": webhook.url != url_before}
    _note(session, webhook, "webhook.changed", before={**before, "url_changed": False}, after=after)
    return webhook


def disable(session: Session, webhook: Webhook, reason: str) -> None:
    """Send nothing more to a subscription until it is enabled again."""
    _switch_off(session, webhook, reason)
    _note(session, webhook, "webhook.disabled", after={"reason": reason})


def _switch_off(session: Session, webhook: Webhook, reason: str) -> None:
    webhook.disabled_reason = reason
    session.flush()
    cancel_waiting(session, webhook.id)


def _brief(webhook: Webhook) -> Json:
    return {
        "url": audit_log.shown_url(webhook.url),
        "event_types": webhook.event_types,
        "filters": webhook.filters,
        "enabled": webhook.disabled_reason is None,
    }


def _note(session: Session, webhook: Webhook, what: str, **values: Json) -> None:
    before, after = values.get("before"), values.get("after")
    audit_log.note(session, webhook.workspace_id, what, webhook.id, before=before, after=after)


class Emitter:
    """Emits events of one workspace; the subscriptions are read once per transaction."""

    def __init__(self, session: Session, workspace_id: str) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self._webhooks = [
            webhook
            for webhook in list_webhooks(session, workspace_id)
            if webhook.disabled_reason is None
        ]

    def listens(self, event_type: str) -> bool:
        """Say whether anybody wants some events of this type."""
        return any(event_type in hook.event_types for hook in self._webhooks)

    def emit(self, event_type: str, payload: dict[str, Any], callbacks: Sequence[str] = ()) -> None:
        """Write the event and one delivery for each listener, in the caller's transaction."""
        hooks = [
            hook
            for hook in self._webhooks
            if event_type in hook.event_types
            and event_filters.passes(hook.filters, event_type, payload)
        ]
        self._write(event_type, payload, hooks, callbacks)

    def call_back(self, event_type: str, payload: dict[str, Any], url: str) -> None:
        """Tell one callback address alone of something that was told to all others before."""
        self._write(event_type, payload, [], [url])

    def _write(
        self,
        event_type: str,
        payload: dict[str, Any],
        hooks: Sequence[Webhook],
        callbacks: Sequence[str],
    ) -> None:
        if not hooks and not callbacks:
            return
        event_id = new_id("evt")
        self.session.add(
            Event(
                id=event_id,
                workspace_id=self.workspace_id,
                type=event_type,
                payload=payload,
                prediction_id=_told_of(event_type, payload),
            )
        )
        self.session.flush()
        for hook in hooks:
            self.session.add(
                Delivery(event_id=event_id, webhook_id=hook.id, url=hook.url, endpoint=hook.id)
            )
        for url in callbacks:
            key = endpoints.callback_key(self.workspace_id, url)
            self.session.add(Delivery(event_id=event_id, url=url, endpoint=key))
        want(self.session, "deliver")


def _told_of(event_type: str, payload: Mapping[str, Any]) -> str | None:
    """Return the prediction that an event tells of, if it tells of one."""
    if event_type.startswith("prediction."):
        return payload.get("id")
    inside = payload.get("prediction")
    found = payload.get("prediction_id") or (inside.get("id") if inside else None)
    return None if found is None else str(found)


def emit(session: Session, workspace_id: str, event_type: str, payload: dict[str, Any]) -> None:
    """Emit one event. See Emitter.emit."""
    Emitter(session, workspace_id).emit(event_type, payload)
