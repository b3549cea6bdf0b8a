"""Watched folders: who looks at them, what lies in them, and which files we wrote ourselves."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class WatchedFolder(Base):
    """The folder of one source (kind "folder"), held by the one process that looks at it."""

    __tablename__ = "watched_folders"

    # The source's id.
    id: Mapped[str] = mapped_column(ForeignKey("sources.id"), primary_key=True)
    # What lay there before this moment is taken only when that was asked for.
    since: Mapped[datetime] = mapped_column(default=utcnow)
    take_existing: Mapped[bool] = mapped_column(default=False)
    # The whole folder was looked at once since then: what is new from now on has arrived.
    surveyed: Mapped[bool] = mapped_column(default=False)
    # The settings that it was surveyed with before they were changed: what they cover and is not
    # known has arrived since, and does not count as lying there before.
    before: Mapped[Json | None]
    # Counts the changes that somebody who watches must notice.
    turn: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default="starting")  # starting, watching, waiting, away
    code: Mapped[str | None]
    detail: Mapped[str | None]
    files: Mapped[int] = mapped_column(default=0)
    unfinished: Mapped[int] = mapped_column(default=0)
    looked_at: Mapped[datetime | None]
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]


class WatchedFile(Base):
    """What is known of one path in a watched folder."""

    __tablename__ = "watched_files"
    __table_args__ = (
        # A renamed file is recognized by its inode.
        Index("ix_watched_files_source_id_inode", "source_id", "inode"),
        Index(
            "ix_watched_files_gone",
            "source_id",
            "gone_at",
            sqlite_where=text("gone_at IS NOT NULL"),
            postgresql_where=text("gone_at IS NOT NULL"),
        ),
    )

    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"), primary_key=True)
    # A hash of the path, which itself is too long for an index.
    place: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    state: Mapped[str]  # existing, taken, ours, refused
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    ctime_ns: Mapped[int] = mapped_column(BigInteger)
    inode: Mapped[str]
    # Of the content that was taken or written; unknown of existing ones, which were never read.
    sha256: Mapped[str | None]
    # How many contents were taken from here so far: part of each one's idempotency key.
    generation: Mapped[int]
    prediction_id: Mapped[str | None]
    # The last of our own writes (WrittenFile.id) that was recognized here.
    written: Mapped[str]
    gone_at: Mapped[datetime | None]


class WrittenFile(Base):
    """A file that an action writes: noted with its journal, before the file is there."""

    __tablename__ = "written_files"
    __table_args__ = (UniqueConstraint("action_id", "phase"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("wrt"))
    place: Mapped[str] = mapped_column(index=True)
    sha256: Mapped[str]
    # Without a foreign key: it is to outlive an action that is cleared away.
    action_id: Mapped[str]
    phase: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
