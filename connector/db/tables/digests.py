"""Alerts that are gathered: one row per window in which a rule's channel gets no second message."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class Digest(Base):
    """A window after a message, and the one message of what was gathered in it.

    The alerts in it are the actions that name it by `digest_id`.
    """

    __tablename__ = "digests"
    __table_args__ = (
        Index("ix_digests_workspace_id_id", "workspace_id", "id"),
        Index(
            "ix_digests_gathering",
            "rule_id",
            "target",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
        Index(
            "ix_digests_open",
            "due_at",
            "id",
            sqlite_where=text("status in ('open', 'sending')"),
            postgresql_where=text("status in ('open', 'sending')"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("dig"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"))
    rule_id: Mapped[str]
    # Which receivers: a hash of the channel and whom it reaches.
    target: Mapped[str]
    params: Mapped[Json]
    # How long a window lasts.
    seconds: Mapped[float]
    # open: gathers; sending: what is in it is fixed; sent, failed, cancelled
    status: Mapped[str] = mapped_column(default="open")
    # The alert that opened the window by going out on its own.
    first_action_id: Mapped[str | None]
    detail: Mapped[Json] = mapped_column(default=dict)
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    strikes: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]
