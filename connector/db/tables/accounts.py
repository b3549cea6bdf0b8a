"""Who may come in, and what the service knows about itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class Workspace(Base):
    """Everything belongs to one; nothing is seen from another."""

    __tablename__ = "workspaces"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ws"))
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ApiKey(Base):
    """A bearer key; only its hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("key"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), index=True)
    name: Mapped[str]
    hint: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    revoked_at: Mapped[datetime | None]


class Fact(Base):
    """What a worker found out about its machine (weights, device), for pages and `doctor`."""

    __tablename__ = "facts"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Json]
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)
