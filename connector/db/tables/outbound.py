"""What is told to others: subscriptions, events, and each delivery of one to the other."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class Webhook(Base):
    """A subscription: these events go to this address, signed with this secret."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("wh"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), index=True)
    url: Mapped[str]
    event_types: Mapped[list[str]]
    # Which of these events, in the form of `EventFilters.kept`; empty: all.
    filters: Mapped[Json] = mapped_column(default=dict, server_default="{}")
    # The key that it was made with; null where it was not made with one.
    key_id: Mapped[str | None]
    secret: Mapped[str]
    # Signs beside the new one until then, so that a receiver can change over in peace.
    previous_secret: Mapped[str | None]
    previous_secret_until: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    deleted_at: Mapped[datetime | None]


class Event(Base):
    """Something that happened, with the resource as it was then."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_workspace_id_id", "workspace_id", "id"),
        Index(
            "ix_events_prediction_id",
            "prediction_id",
            "id",
            sqlite_where=text("prediction_id IS NOT NULL"),
            postgresql_where=text("prediction_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("evt"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    type: Mapped[str]
    payload: Mapped[Json]
    # The picture that it tells of; null where it tells of none, or an older release wrote the row.
    prediction_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Delivery(Base):
    """One event on its way to one subscription, or to a prediction's own callback address."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "webhook_id"),
        # The log of a subscription, the newest first.
        Index("ix_deliveries_webhook_id_id", "webhook_id", "id"),
        Index(
            "ix_deliveries_open",
            "due_at",
            "id",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("dlv"))
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id"))
    webhook_id: Mapped[str | None] = mapped_column(ForeignKey("webhooks.id"))
    url: Mapped[str]
    # Whom it goes to, as `Endpoint.key` says it; null where an older release wrote the row.
    endpoint: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="pending")  # pending, delivered, failed, cancelled
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    response_status: Mapped[int | None]
    error: Mapped[str | None]
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]


class DeliveryAttempt(Base):
    """One try at a delivery, and what came of it."""

    __tablename__ = "delivery_attempts"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("att"))
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"), index=True)
    started_at: Mapped[datetime]
    duration_ms: Mapped[int]
    response_status: Mapped[int | None]
    error: Mapped[str | None]


class Endpoint(Base):
    """How a receiver fares: a subscription's id, or a workspace and a callback's origin."""

    __tablename__ = "endpoints"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    # The circuit breaker: nothing is sent before this time.
    open_until: Mapped[datetime | None]
