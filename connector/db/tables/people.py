"""People, the sessions of their browsers, the links that let them in once, and failed log-ins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, utcnow
from connector.ids import new_id


class Person(Base):
    """Somebody who uses the pages of one workspace."""

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("prs"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), index=True)
    # In lower case; one address is one person, whatever the workspace.
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str]  # owner, member, reviewer
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    disabled_at: Mapped[datetime | None]


class PersonSession(Base):
    """A browser in which a person is logged in; of the cookie's token only the hash is kept."""

    __tablename__ = "person_sessions"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ses"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_agent: Mapped[str]
    address: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    last_seen_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class OneTimeLink(Base):
    """A link that lets somebody make an account or choose a new password, once."""

    __tablename__ = "one_time_links"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("lnk"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), index=True)
    purpose: Mapped[str]  # owner, invite, reset
    token_hash: Mapped[str] = mapped_column(unique=True)
    # Of an invitation: for whom, and what they may do.
    email: Mapped[str | None]
    role: Mapped[str | None]
    # Of a reset: whose password.
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    # Taken back before it was used, by somebody or by a newer one.
    revoked_at: Mapped[datetime | None]


class LoginThrottle(Base):
    """How often logging in failed lately, for an e-mail address or a network address."""

    __tablename__ = "login_throttles"

    # "email:…" or "address:…".
    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
    blocked_until: Mapped[datetime | None]
