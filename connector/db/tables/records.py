"""What is written down about the service's own work: running totals, and who did what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class Tally(Base):
    """A running total for /metrics, added to in the very transactions that it counts.

    Of each there are several rows (`shard`), so that writers do not wait for one another.
    """

    __tablename__ = "tallies"

    name: Mapped[str] = mapped_column(primary_key=True)
    # As JSON with sorted keys.
    labels: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[float]


class AuditEntry(Base):
    """Who changed what, and from where; written with the change, never changed itself."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_workspace_id_id", "workspace_id", "id"),
        Index("ix_audit_entries_resource_id_id", "resource_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("aud"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    actor_kind: Mapped[str]  # key, person, slack, cli, system
    # A key's id; None for those that have none.
    actor_id: Mapped[str | None]
    # As it was called then.
    actor_name: Mapped[str]
    address: Mapped[str | None]
    what: Mapped[str]  # rule.created, version.promoted, …
    resource_id: Mapped[str]
    classifier_id: Mapped[str | None]
    # The columns that changed, in brief and without secrets.
    before: Mapped[Json | None]
    after: Mapped[Json | None]
