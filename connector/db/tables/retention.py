"""Bytes that go, and bytes that actions made of pictures."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, utcnow


class Removal(Base):
    """A content that nobody needs: its bytes go, or are gone. Read connector.domain.removals."""

    __tablename__ = "removals"
    __table_args__ = (
        Index(
            "ix_removals_open",
            "created_at",
            sqlite_where=text("state <> 'gone'"),
            postgresql_where=text("state <> 'gone'"),
        ),
    )

    sha256: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]  # deleting, rescuing, gone
    # Of whom puts the bytes there again; only that one may take the row away, until then.
    token: Mapped[str | None]
    rescue_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Derivative(Base):
    """Bytes that an action keeps for a prediction besides its picture, such as a turned one."""

    __tablename__ = "derivatives"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    prediction_id: Mapped[str] = mapped_column(
        ForeignKey("predictions.id"), primary_key=True, index=True
    )


class Thumbnail(Base):
    """The small JPEG of a content: made when it is first looked at, gone with its picture."""

    __tablename__ = "thumbnails"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    thumbnail_sha256: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
