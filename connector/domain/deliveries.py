"""Deliveries on their way: claimed fairly, recorded attempt by attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from connector.db import tallies
from connector.db.session import alone, now
from connector.db.tables import Delivery, DeliveryAttempt, Endpoint, Event, Webhook
from connector.db.types import utcnow
from connector.domain import endpoints, leases, outbound
from connector.errors import LostLease
from connector.sending import Outcome, Parcel
from connector.signing import next_attempt_at

GONE = 410
CALLBACK_LASTS = timedelta(days=30)
GONE_REASON = "The address answered 410 Gone, which means: send no more."
WORN_OUT_REASON = (
    "Every delivery has failed for 5 days. Last: {error} Repair the receiver, then enable it again."
)


def due(session: Session) -> ColumnElement[bool]:
    """Return the condition of deliveries whose time has come, to a receiver that may be called."""
    moment = now(session)
    return and_(Delivery.status == "pending", Delivery.due_at <= moment, ~endpoints.resting(moment))


def claim_due(
    session: Session, *, limit: int, seconds: float, doubtful: int | None = None
) -> tuple[leases.Claim, list[Parcel]]:
    """Claim deliveries whose time has come, in turn from each receiver, with what is to be sent.

    No receiver has more than PER_ENDPOINT in flight (one if its last attempt failed), and at most
    `doubtful` of those claimed go to receivers whose last attempt failed.
    """
    # Two workers that counted at the same time would both fill the same place.
    alone(session, "deliveries")
    sound, shaky = _in_turn(session, limit, limit if doubtful is None else doubtful)
    claim = leases.claim(
        session, Delivery, Delivery.id.in_([*sound, *shaky]), limit=limit, seconds=seconds
    )
    statement = (
        select(Delivery, Event, Webhook)
        .join(Event, Event.id == Delivery.event_id)
        .outerjoin(Webhook, Webhook.id == Delivery.webhook_id)
        .where(Delivery.id.in_(claim.ids))
        .order_by(Delivery.id)
    )
    moment = now(session)
    parcels = [parcel(*row, moment=moment) for row in session.execute(statement)]
    return claim, [replace(one, doubtful=one.id in shaky) for one in parcels]


def _in_turn(session: Session, limit: int, doubtful: int) -> tuple[list[str], list[str]]:
    moment = now(session)
    held = and_(Delivery.status == "pending", Delivery.lease_until >= moment)
    flying = select(endpoints.KEY.label("key"), func.count().label("count")).where(held)
    in_flight = flying.group_by(endpoints.KEY).subquery()
    free = or_(Delivery.lease_until.is_(None), Delivery.lease_until < moment)
    turn = func.row_number().over(
        partition_by=endpoints.KEY, order_by=(Delivery.due_at, Delivery.id)
    )
    failures = func.coalesce(Endpoint.failures, 0)
    waiting = (
        select(
            Delivery.id,
            Delivery.due_at,
            (turn + func.coalesce(in_flight.c.count, 0)).label("place"),
            failures.label("failures"),
            case((failures > 0, 1), else_=endpoints.PER_ENDPOINT).label("places"),
        )
        .outerjoin(Endpoint, Endpoint.key == endpoints.KEY)
        .outerjoin(in_flight, in_flight.c.key == endpoints.KEY)
        .where(due(session), free)
        .subquery()
    )
    statement = select(waiting.c.id).where(waiting.c.place <= waiting.c.places)
    ordered = statement.order_by(waiting.c.place, waiting.c.due_at, waiting.c.id)
    sound = list(session.scalars(ordered.where(waiting.c.failures == 0).limit(limit)))
    left = max(0, min(limit - len(sound), doubtful))
    return sound, list(session.scalars(ordered.where(waiting.c.failures > 0).limit(left)))


def parcel(
    delivery: Delivery, event: Event, webhook: Webhook | None, *, moment: datetime
) -> Parcel:
    """Return what is to be sent; both secrets while one is being replaced, the new one first."""
    secrets: tuple[str, ...] = () if webhook is None else (webhook.secret,)
    until = webhook.previous_secret_until if webhook else None
    if webhook and webhook.previous_secret and until and until > moment:
        secrets = (*secrets, webhook.previous_secret)
    return Parcel(
        delivery.id,
        delivery.url,
        event.id,
        event.type,
        event.created_at,
        event.payload,
        secrets,
        workspace_id=event.workspace_id,
    )


def record_attempt(
    session: Session, claim: leases.Claim, delivery_id: str, outcome: Outcome
) -> Delivery:
    """Write down how an attempt went and when the next one is. Raises LostLease."""
    delivery = record_only(session, claim, delivery_id, outcome)
    key, moment = endpoints.key_of(delivery), now(session)
    if outcome.error is None:
        endpoints.succeeded(session, key)
        delivery.status, delivery.finished_at = "delivered", utcnow()
        took = (delivery.finished_at - delivery.created_at).total_seconds()
        tallies.add(session, "deliveries", outcome="delivered")
        tallies.observe(session, "delivery_seconds", took)
        return delivery
    health = endpoints.failed(session, key, moment, outcome.retry_after)
    if delivery.status != "pending":
        _count_failure(session, outcome, final=True)
        return delivery  # cancelled while it was under way
    # A callback is told once, so whoever waits for it gets more time than the spec's schedule.
    until = None if delivery.webhook_id else delivery.created_at + CALLBACK_LASTS
    following = next_attempt_at(
        delivery.attempts, moment, rng=SystemRandom(), retry_after=outcome.retry_after, until=until
    )
    if _stopped(session, delivery, outcome, endpoints.worn_out(health, moment)):
        session.refresh(delivery)
    elif outcome.permanent or following is None or outcome.status == GONE:
        delivery.status, delivery.finished_at = "failed", utcnow()
    else:
        delivery.due_at = following
    _count_failure(session, outcome, final=delivery.status != "pending")
    return delivery


def _count_failure(session: Session, outcome: Outcome, *, final: bool) -> None:
    """Count an attempt that failed, by what came back; a final one is the delivery's end."""
    if outcome.status is None:
        code = "refused" if outcome.permanent else "unreachable"
    else:
        code = f"http_{outcome.status // 100}xx"
    tallies.add(session, "failures", what="delivery", code=code, final="yes" if final else "no")
    if final:
        tallies.add(session, "deliveries", outcome="failed")


def record_only(
    session: Session, claim: leases.Claim, delivery_id: str, outcome: Outcome
) -> Delivery:
    """Write an attempt into the log, and give the lease back. Raises LostLease."""
    if delivery_id not in leases.held(session, Delivery, claim, [delivery_id]):
        raise LostLease(f"The delivery {delivery_id} was taken over by another worker.")
    delivery = session.get_one(Delivery, delivery_id)
    delivery.attempts += 1
    delivery.response_status, delivery.error = outcome.status, outcome.error
    delivery.lease_token = delivery.lease_until = None
    session.add(
        DeliveryAttempt(
            delivery_id=delivery_id,
            started_at=outcome.started_at,
            duration_ms=outcome.duration_ms,
            response_status=outcome.status,
            error=outcome.error,
        )
    )
    session.flush()
    tallies.observe(session, "delivery_attempt_seconds", outcome.duration_ms / 1000)
    return delivery


def _stopped(session: Session, delivery: Delivery, outcome: Outcome, worn_out: bool) -> bool:
    """End the subscription (410 Gone) or disable it (5 days of failures); say whether it was."""
    webhook: Any = delivery.webhook_id and session.get_one(Webhook, delivery.webhook_id)
    if webhook and outcome.status == GONE:
        webhook.deleted_at = utcnow()
        outbound.disable(session, webhook, GONE_REASON)
        return True
    if webhook and worn_out and webhook.disabled_reason is None:
        outbound.disable(session, webhook, WORN_OUT_REASON.format(error=outcome.error))
        return True
    return False
