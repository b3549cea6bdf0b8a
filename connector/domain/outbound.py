"""What is told to others: subscriptions, events, deliveries and their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from connector.db.session import now, want
from connector.db.tables import Delivery, Event, Webhook
from connector.db.types import utcnow
from connector.domain import leases
from connector.errors import LostLease, NotFound, Unprocessable
from connector.fetch import check_url
from connector.ids import new_id
from connector.settings import Settings
from connector.signing import new_secret, next_attempt_at

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
GONE = 410


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
    _cancel(session, webhook.id)


def _cancel(session: Session, webhook_id: str) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.webhook_id == webhook_id, Delivery.status == "pending")
        .values(status="cancelled", finished_at=utcnow())
        .execution_options(synchronize_session=False)
    )


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
        targets = [(w.id, w.url) for w in self._webhooks if event_type in w.event_types]
        if callback_url is not None:
            targets.append((None, callback_url))  # type: ignore[arg-type]
        for webhook_id, url in targets:
            self.session.add(Delivery(event_id=event_id, webhook_id=webhook_id, url=url))
        want(self.session, "deliver")


def emit(session: Session, workspace_id: str, event_type: str, payload: dict[str, Any]) -> None:
    """Emit one event. See Emitter.emit."""
    Emitter(session, workspace_id).emit(event_type, payload)


@dataclass(frozen=True)
class Parcel:
    """All that sending one delivery takes."""

    id: str
    url: str
    event_id: str
    event_type: str
    created_at: datetime
    payload: dict[str, Any]
    secret: str | None
    attempts: int


def due(session: Session) -> Any:
    """Return the condition of deliveries whose time has come."""
    return and_(Delivery.status == "pending", Delivery.due_at <= now(session))


def claim_due(session: Session, *, limit: int, seconds: float) -> tuple[leases.Claim, list[Parcel]]:
    """Claim deliveries whose time has come, with what is to be sent."""
    claim = leases.claim(
        session, Delivery, due(session), limit=limit, seconds=seconds, order_by=Delivery.due_at
    )
    statement = (
        select(Delivery, Event, Webhook.secret)
        .join(Event, Event.id == Delivery.event_id)
        .outerjoin(Webhook, Webhook.id == Delivery.webhook_id)
        .where(Delivery.id.in_(claim.ids))
        .order_by(Delivery.id)
    )
    parcels = [
        Parcel(
            delivery.id,
            delivery.url,
            event.id,
            event.type,
            event.created_at,
            event.payload,
            secret,
            delivery.attempts,
        )
        for delivery, event, secret in session.execute(statement)
    ]
    return claim, parcels


def record_attempt(
    session: Session,
    claim: leases.Claim,
    delivery_id: str,
    *,
    response_status: int | None,
    error: str | None,
    permanent: bool = False,
) -> Delivery:
    """Write down how an attempt went and when the next one is. Raises LostLease."""
    if delivery_id not in leases.held(session, Delivery, claim, [delivery_id]):
        raise LostLease(f"The delivery {delivery_id} was taken over by another worker.")
    delivery = session.get_one(Delivery, delivery_id)
    delivery.attempts += 1
    delivery.response_status, delivery.error = response_status, error
    delivery.lease_token = delivery.lease_until = None
    if error is None:
        delivery.status, delivery.finished_at = "delivered", utcnow()
        return delivery
    if delivery.status != "pending":
        return delivery  # cancelled while it was under way
    following = next_attempt_at(delivery.attempts, now(session), rng=SystemRandom())
    if response_status == GONE and delivery.webhook_id is not None:
        _unsubscribe(session, delivery.webhook_id)
        session.refresh(delivery)
    elif permanent or following is None:
        delivery.status, delivery.finished_at = "failed", utcnow()
    else:
        delivery.due_at = following
    return delivery


def _unsubscribe(session: Session, webhook_id: str) -> None:
    """The receiver said 410 Gone: it wants no more."""
    webhook = session.get_one(Webhook, webhook_id)
    webhook.deleted_at = utcnow()
    webhook.disabled_reason = "The address answered 410 Gone, which means: send no more."
    session.flush()
    _cancel(session, webhook_id)
