"""Going through what a bucket held before its events were told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, utcnow
from connector.ids import new_id


class Backfill(Base):
    """One walk through a bucket's objects in the order of their keys."""

    __tablename__ = "backfills"
    __table_args__ = (
        Index("ix_backfills_source_id_id", "source_id", "id"),
        Index("ix_backfills_status", "status"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("bkf"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"))
    bucket: Mapped[str]
    prefix: Mapped[str]
    status: Mapped[str] = mapped_column(default="queued")  # queued, running, done, failed, stopped
    # The last key of which everything up to it was seen to; the walk goes on behind it.
    after_key: Mapped[str | None]
    seen: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    ignored: Mapped[int] = mapped_column(default=0)
    # Why it does not go on at present, None while it does.
    waiting_code: Mapped[str | None]
    waiting: Mapped[str | None]
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    strikes: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]
