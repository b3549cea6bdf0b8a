"""What was sent to a subscription: looked up, sent again, and tried with a sample."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connector.db.session import now, want
from connector.db.tables import Delivery, DeliveryAttempt, Event, Webhook
from connector.db.types import utcnow
from connector.domain import audit_log, deliveries, leases, resources
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import Conflict, NotFound, Unprocessable
from connector.ids import first_id, new_id, new_token
from connector.sending import Outcome, Parcel

TEST_TYPE = "webhook.test"
MAX_REPLAYED = 1000
# Longer than an attempt can take, so that no worker sends the sample too.
TEST_LEASE = timedelta(seconds=60)


def list_deliveries(
    session: Session,
    webhook: Webhook,
    *,
    state: str | None = None,
    event_type: str | None = None,
    since: datetime | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Delivery]:
    """Return a page of deliveries to a subscription, the newest first.

    Those in one state, of one type of event, or made from `since` on. Raises BadRequest.
    """
    statement = select(Delivery).where(Delivery.webhook_id == webhook.id)
    if state is not None:
        statement = statement.where(Delivery.status == state)
    if event_type is not None:
        statement = statement.join(Event, Event.id == Delivery.event_id)
        statement = statement.where(Event.type == event_type)
    if since is not None:
        # Ids sort by time, and the index holds them.
        statement = statement.where(Delivery.id >= first_id("dlv", since))
    return page(session, statement, Delivery.id, cursor=cursor, limit=limit)


def get_delivery(session: Session, webhook: Webhook, delivery_id: str) -> Delivery:
    """Return one delivery to this subscription. Raises NotFound."""
    row = session.get(Delivery, delivery_id)
    if row is None or row.webhook_id != webhook.id:
        raise NotFound(
            f"There is no delivery {delivery_id} here; see GET /api/v1/webhooks/{webhook.id}"
            "/deliveries."
        )
    return row


def show(session: Session, rows: Sequence[Delivery]) -> list[dict[str, Any]]:
    """Return what is shown of these deliveries, with two queries however many there are."""
    ids = [row.id for row in rows]
    tries: dict[str, list[DeliveryAttempt]] = defaultdict(list)
    statement = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id.in_(ids))
    for attempt in session.scalars(statement.order_by(DeliveryAttempt.id)):
        tries[attempt.delivery_id].append(attempt)
    types = event_types(session, rows)
    return [resources.delivery(row, types[row.event_id], tries[row.id]) for row in rows]


def event_types(session: Session, rows: Sequence[Delivery]) -> dict[str, str]:
    """Return event id -> type of what these deliveries tell of."""
    wanted = select(Event.id, Event.type).where(Event.id.in_({row.event_id for row in rows}))
    types: dict[str, str] = dict(session.execute(wanted).all())
    return types


@dataclass(frozen=True)
class Look:
    """A delivery with its attempts, the oldest first, and what is sent of it."""

    row: Delivery
    attempts: list[DeliveryAttempt]
    parcel: Parcel


def look(session: Session, webhook: Webhook, delivery_id: str) -> Look:
    """Return all that is known of one delivery; no secret of it is for showing. Raises NotFound."""
    row = get_delivery(session, webhook, delivery_id)
    event = session.get_one(Event, row.event_id)
    tries = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == row.id)
    attempts = list(session.scalars(tries.order_by(DeliveryAttempt.id)))
    return Look(row, attempts, deliveries.parcel(row, event, webhook, moment=now(session)))


def replay(session: Session, webhook: Webhook, delivery_id: str) -> Delivery:
    """Send a delivery again, under its old webhook-id. Raises NotFound, Conflict."""
    row = get_delivery(session, webhook, delivery_id)
    _refuse_disabled(webhook)
    if not _again(session, webhook, [row.id]):
        raise Conflict("This delivery is still under way; wait for it.", code="under_way")
    session.refresh(row)
    after = {"delivery_id": row.id}
    audit_log.note(session, webhook.workspace_id, "webhook.replayed", webhook.id, after=after)
    return row


def replay_chosen(session: Session, webhook: Webhook, delivery_ids: Sequence[str]) -> int:
    """Send these again, but for those under way; return how many. Raises Conflict, Unprocessable.

    Ids that are none of this subscription's are passed over.
    """
    _refuse_disabled(webhook)
    if not delivery_ids:
        raise Unprocessable(
            "Choose the deliveries that are to be sent again.", code="nothing_chosen"
        )
    statement = select(Delivery.id).where(
        Delivery.webhook_id == webhook.id, Delivery.id.in_(delivery_ids[:MAX_REPLAYED])
    )
    count = _again(session, webhook, session.scalars(statement).all())
    after = {"deliveries": count}
    audit_log.note(session, webhook.workspace_id, "webhook.replayed", webhook.id, after=after)
    return count


@dataclass(frozen=True)
class Period:
    """Deliveries made from `start` on and before `end`, of one state or of all that are over."""

    start: datetime
    end: datetime
    state: str | None = None


def replay_period(session: Session, webhook: Webhook, period: Period) -> int:
    """Send again what was made in a period and is over; return how many. Raises Unprocessable."""
    _refuse_disabled(webhook)
    statement = select(Delivery.id).where(
        Delivery.webhook_id == webhook.id,
        Delivery.created_at >= period.start,
        Delivery.created_at < period.end,
        Delivery.status != "pending",
    )
    if period.state is not None:
        statement = statement.where(Delivery.status == period.state)
    ids = session.scalars(statement.order_by(Delivery.id).limit(MAX_REPLAYED + 1)).all()
    if len(ids) > MAX_REPLAYED:
        raise Unprocessable(
            f"There are more than {MAX_REPLAYED} deliveries in this time; take a shorter one.",
            code="too_many_deliveries",
        )
    count = _again(session, webhook, ids)
    after = {"from": period.start, "to": period.end, "state": period.state, "deliveries": count}
    audit_log.note(session, webhook.workspace_id, "webhook.replayed", webhook.id, after=after)
    return count


def _again(session: Session, webhook: Webhook, ids: Sequence[str]) -> int:
    values = {
        "status": "pending",
        "attempts": 0,
        "due_at": now(session),
        "finished_at": None,
        "error": None,
        "response_status": None,
        "url": webhook.url,
    }
    statement = update(Delivery).where(Delivery.id.in_(ids), Delivery.status != "pending")
    done: Any = session.execute(
        statement.values(**values).execution_options(synchronize_session=False)
    )
    want(session, "deliver")
    return int(done.rowcount)


def _refuse_disabled(webhook: Webhook) -> None:
    if webhook.disabled_reason is not None:
        raise Conflict(
            f"This webhook is off: {webhook.disabled_reason} PATCH it with enabled: true first.",
            code="webhook_disabled",
        )


def begin_test(session: Session, webhook: Webhook) -> tuple[leases.Claim, Parcel]:
    """Write a sample event and hold its delivery, for the caller to send and `end_test`."""
    payload = {"webhook_id": webhook.id, "message": "This is a test from colabel."}
    event = Event(
        id=new_id("evt"),
        workspace_id=webhook.workspace_id,
        type=TEST_TYPE,
        payload=payload,
        created_at=utcnow(),
    )
    session.add(event)
    session.flush()
    moment = now(session)
    row = Delivery(
        id=new_id("dlv"),
        event_id=event.id,
        webhook_id=webhook.id,
        url=webhook.url,
        # Apart from the others: it neither takes their place nor opens their breaker.
        endpoint=f"{webhook.id} test",
        lease_token=new_token(20),
        lease_until=moment + TEST_LEASE,
    )
    session.add(row)
    session.flush()
    audit_log.note(session, webhook.workspace_id, "webhook.tested", webhook.id)
    claim = leases.Claim((row.id,), row.lease_token or "", frozenset())
    return claim, deliveries.parcel(row, event, webhook, moment=moment)


def end_test(session: Session, claim: leases.Claim, outcome: Outcome) -> Delivery:
    """Record what came back; a test is not tried again. Raises LostLease."""
    row = deliveries.record_only(session, claim, claim.ids[0], outcome)
    row.status = "delivered" if outcome.error is None else "failed"
    row.finished_at = utcnow()
    return row
