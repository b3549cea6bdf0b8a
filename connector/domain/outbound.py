"""What is told to others: subscriptions, and events for those who subscribed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connector.db.session import want
from connector.db.tables import Delivery, Event, Webhook
from connector.db.types import Json, utcnow
from connector.domain import audit_log, endpoints
from connector.errors import NotFound, Unprocessable
from connector.fetch import check_url
from connector.ids import new_id
from connector.settings import Settings
from connector.signing import new_secret

EVENT_TYPES = (
    "prediction.completed",
    "review.requested",
    "review.answered",
    "model.promoted",
    "model.rejected",
    "promise.warning",
    "promise.broken",
    "alert.raised",
    "action.failed",
)
SWITCHED_OFF = "Switched off by hand; enable it to go on."


@dataclass(frozen=True)
class Subscription:
    """An address and the types of the events it is to get, as `subscription` makes them."""

    url: str
    event_types: tuple[str, ...]


def subscription(settings: Settings, url: str, event_types: Sequence[str]) -> Subscription:
    """Check what is to be subscribed: before the transaction, since names are looked up.

    Raises Unprocessable for an unknown type and ForbiddenAddress for an address inside.
    """
    unknown = sorted(set(event_types) - set(EVENT_TYPES))
    if unknown or not event_types:
        named = f"{', '.join(unknown)} is not one of them" if unknown else "none was named"
        raise Unprocessable(
            f"Event types are {', '.join(EVENT_TYPES)}; {named}.", code="unknown_event_type"
        )
    check_url(url, settings=settings)
    return Subscription(url, tuple(dict.fromkeys(event_types)))


def create_webhook(session: Session, workspace_id: str, wanted: Subscription) -> Webhook:
    """Subscribe an address; the row's secret is for the subscriber's eyes."""
    webhook = Webhook(
        id=new_id("wh"),
        workspace_id=workspace_id,
        url=wanted.url,
        event_types=list(wanted.event_types),
        secret=new_secret(),
    )
    session.add(webhook)
    session.flush()
    _note(session, webhook, "webhook.created", after=_brief(webhook))
    return webhook


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
    """Send to another address, other types, or switch off (what waits is cancelled) and on."""
    before, url_before = _brief(webhook), webhook.url
    webhook.event_types = list(wanted.event_types)
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

    def listens(self, event_type: str, callback_url: str | None = None) -> bool:
        """Say whether anybody wants events of this type."""
        return callback_url is not None or any(event_type in w.event_types for w in self._webhooks)

    def emit(
        self, event_type: str, payload: dict[str, Any], callback_url: str | None = None
    ) -> None:
        """Write the event and one delivery for each listener, in the caller's transaction."""
        if not self.listens(event_type, callback_url):
            return
        event_id = new_id("evt")
        self.session.add(
            Event(id=event_id, workspace_id=self.workspace_id, type=event_type, payload=payload)
        )
        self.session.flush()
        for hook in self._webhooks:
            if event_type in hook.event_types:
                self.session.add(
                    Delivery(event_id=event_id, webhook_id=hook.id, url=hook.url, endpoint=hook.id)
                )
        if callback_url is not None:
            key = endpoints.callback_key(self.workspace_id, callback_url)
            self.session.add(Delivery(event_id=event_id, url=callback_url, endpoint=key))
        want(self.session, "deliver")


def emit(session: Session, workspace_id: str, event_type: str, payload: dict[str, Any]) -> None:
    """Emit one event. See Emitter.emit."""
    Emitter(session, workspace_id).emit(event_type, payload)
