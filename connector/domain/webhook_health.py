"""How each subscription of a workspace fares, in a few queries however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import ApiKey, Delivery, Endpoint, Webhook
from connector.domain import outbound

State = Literal["off", "failing", "paused", "new", "well"]


@dataclass(frozen=True)
class Health:
    """A subscription, how it fares, and the last that was sent to it.

    `state`: off (nothing is sent), paused (the breaker is open), failing (the last attempt did),
    new (nothing was sent yet) or well. `key_name`: of the key that it was made with.
    """

    row: Webhook
    state: State
    failures: int
    failing_since: datetime | None
    paused_until: datetime | None
    last: Delivery | None
    key_name: str | None
    two_secrets_until: datetime | None


def list_health(session: Session, workspace_id: str) -> list[Health]:
    """Return all subscriptions of the workspace, the oldest first."""
    return of_rows(session, outbound.list_webhooks(session, workspace_id))


def of_rows(session: Session, rows: Sequence[Webhook]) -> list[Health]:
    """Return how these fare, in their order."""
    ids = [row.id for row in rows]
    endpoints = {
        one.key: one for one in session.scalars(select(Endpoint).where(Endpoint.key.in_(ids)))
    }
    last = _last(session, ids)
    wanted = {row.key_id for row in rows if row.key_id is not None}
    names: dict[str, str] = dict(
        session.execute(select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(wanted))).all()
    )
    moment = now(session)
    return [
        _health(row, endpoints.get(row.id), last.get(row.id), names.get(row.key_id or ""), moment)
        for row in rows
    ]


def _last(session: Session, ids: Sequence[str]) -> dict[str, Delivery]:
    newest = (
        select(Delivery.id)
        .where(Delivery.webhook_id == Webhook.id)
        .order_by(Delivery.id.desc())
        .limit(1)
        .correlate(Webhook)
        .scalar_subquery()
    )
    found = session.scalars(select(newest).where(Webhook.id.in_(ids))).all()
    statement = select(Delivery).where(Delivery.id.in_([one for one in found if one]))
    return {str(one.webhook_id): one for one in session.scalars(statement)}


def _health(
    row: Webhook,
    endpoint: Endpoint | None,
    last: Delivery | None,
    key_name: str | None,
    moment: datetime,
) -> Health:
    paused = endpoint.open_until if endpoint else None
    if paused is not None and paused <= moment:
        paused = None
    both = row.previous_secret_until
    return Health(
        row,
        _state(row, endpoint, last, paused),
        endpoint.failures if endpoint else 0,
        endpoint.failing_since if endpoint else None,
        paused,
        last,
        key_name,
        both if both is not None and both > moment else None,
    )


def _state(
    row: Webhook, endpoint: Endpoint | None, last: Delivery | None, paused: datetime | None
) -> State:
    if row.disabled_reason is not None:
        return "off"
    if paused is not None:
        return "paused"
    if endpoint is not None and endpoint.failures:
        return "failing"
    return "new" if last is None else "well"
