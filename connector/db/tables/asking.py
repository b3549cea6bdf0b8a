"""Asking people elsewhere: where questions go, the messages that ask them, what Slack sent us."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class Asking(Base):
    """How people are asked about one classifier's questions, or by default about a workspace's.

    Whoever works on it holds its lease: one at a time, so that a channel gets its messages in order
    and at the pace that Slack asks for.
    """

    __tablename__ = "askings"
    __table_args__ = (
        UniqueConstraint("classifier_id"),
        Index(
            "ix_askings_default",
            "workspace_id",
            unique=True,
            sqlite_where=text("classifier_id IS NULL"),
            postgresql_where=text("classifier_id IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ask"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), index=True)
    # None: the workspace's default, for classifiers that have none of their own.
    classifier_id: Mapped[str | None] = mapped_column(ForeignKey("classifiers.id"))
    # False: the workspace's default counts again; the row stays for the messages that it sent.
    own: Mapped[bool] = mapped_column(default=True)
    # Slack's channel, by name or id; None: nobody is asked in Slack.
    channel: Mapped[str | None]
    # False: switched off, by a person or because Slack refused us for good.
    enabled: Mapped[bool] = mapped_column(default=True)
    # Messages that may wait for an answer in the channel at once.
    most_open: Mapped[int] = mapped_column(default=5)
    # After so many hours a question is overdue; None: never.
    overdue_hours: Mapped[float | None]
    overdue: Mapped[Json] = mapped_column(default=dict)
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    failed_at: Mapped[datetime | None]
    # How often in a row Slack could not be used, and until when it is left alone.
    failures: Mapped[int] = mapped_column(default=0)
    paused_until: Mapped[datetime | None]
    # The line that says how many more wait: where it is, and the number in it.
    summary_channel: Mapped[str | None]
    summary_ts: Mapped[str | None]
    summary_count: Mapped[int] = mapped_column(default=0)
    reminded_at: Mapped[datetime | None]
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class SlackQuestion(Base):
    """A message in Slack that asks one question, or is about to."""

    __tablename__ = "slack_questions"
    __table_args__ = (
        UniqueConstraint("review_id", "place"),
        Index("ix_slack_questions_asking_id_state", "asking_id", "state"),
        Index(
            "ix_slack_questions_due",
            "asking_id",
            sqlite_where=text("due"),
            postgresql_where=text("due"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("slq"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    asking_id: Mapped[str] = mapped_column(ForeignKey("askings.id"))
    review_id: Mapped[str] = mapped_column(ForeignKey("reviews.id"))
    # asked; passed: once more elsewhere, for it was overdue; again:TS: posted twice after a crash.
    place: Mapped[str] = mapped_column(default="asked")
    state: Mapped[str] = mapped_column(default="posting")  # posting, open, closed, failed
    channel: Mapped[str]
    # Where it is: the channel's id, and the timestamp that names it there.
    channel_id: Mapped[str | None]
    ts: Mapped[str | None]
    # Shows something else than what is known now.
    due: Mapped[bool] = mapped_column(default=False)
    # The uploaded picture, where Slack cannot fetch it from us.
    file_id: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    posted_at: Mapped[datetime | None]


class SlackReply(Base):
    """A word to one person in Slack, by the address that came with their click."""

    __tablename__ = "slack_replies"
    __table_args__ = (
        Index(
            "ix_slack_replies_waiting",
            "due_at",
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("slr"))
    url: Mapped[str]
    text: Mapped[str]
    status: Mapped[str] = mapped_column(default="waiting")  # waiting, sent, failed
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class SlackSeen(Base):
    """A click that was taken: the same request sent again does nothing."""

    __tablename__ = "slack_seen"

    key: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
