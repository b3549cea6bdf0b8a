"""Webhooks and what was delivered to them, over the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from connector.domain.event_filters import EventFilters
from connector.web.schemas.base import PageOf, PageQuery, Resource, Url, Wanted

State = Literal["pending", "delivered", "failed", "cancelled"]


class WebhookCreate(Wanted):
    """A subscription."""

    url: Url
    event_types: list[str] = Field(min_length=1, max_length=50)
    filters: EventFilters | None = Field(None, description="Only those of which this holds.")


class WebhookUpdate(Wanted):
    """What to change; what is absent or null stays."""

    url: Url | None = None
    event_types: list[str] | None = Field(None, min_length=1, max_length=50)
    filters: EventFilters | None = Field(None, description="Replaces them; {} asks for nothing.")
    enabled: bool | None = Field(None, description="False cancels what waits; true begins anew.")


class SecretRotation(Wanted):
    """How long the secret before signs beside the new one."""

    grace_hours: float = Field(24, ge=0, le=168)


class WebhookReplay(Wanted):
    """Which deliveries to send again: those made from `from` on and before `to`."""

    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
    state: Literal["delivered", "failed", "cancelled"] | None = Field(
        None, description="Only those that ended so."
    )


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    state: State | None = None


class Webhook(Resource):
    """A subscription: these events go to this address."""

    id: str
    url: str
    event_types: list[str]
    filters: EventFilters = Field(description="What is absent or null is not asked.")
    enabled: bool
    disabled_reason: str | None
    failures: int = Field(description="Attempts that failed in a row.")
    failing_since: str | None
    paused_until: str | None = Field(description="Nothing is sent before this time.")
    previous_secret_until: str | None = Field(description="Until then, two secrets sign.")
    created_at: str


class NewWebhook(Webhook):
    """A subscription with the secret that its messages are signed with from now on."""

    secret: str = Field(description="Shown this once.")


class WebhookList(Resource):
    """The subscriptions, the oldest first."""

    items: list[Webhook]
    next_cursor: None = None


class DeliveryAttempt(Resource):
    """One try: when, how long it took, and what came back."""

    started_at: str
    duration_ms: int
    status_code: int | None
    error: str | None


class Delivery(Resource):
    """An event on its way to a subscription; `event_id` is the webhook-id of every attempt."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    state: State
    attempts: list[DeliveryAttempt]
    next_attempt_at: str | None
    created_at: str
    finished_at: str | None


class DeliveryPage(PageOf[Delivery]):
    """A page of deliveries, the newest first."""


class Replayed(Resource):
    """How many deliveries are sent again."""

    replayed: int
