"""Classifiers, their labels, and the sources that pictures come from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, utcnow
from connector.ids import new_id, new_token


class Classifier(Base):
    """One sorting job."""

    __tablename__ = "classifiers"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("clf"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), index=True)
    name: Mapped[str]
    recipe: Mapped[str]
    # The number of the live version; versions are never changed, so this is the whole promotion.
    live_version: Mapped[int | None]
    # Set by a person, it wins over the threshold that came with the model.
    threshold: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    deleted_at: Mapped[datetime | None]


class Label(Base):
    """One answer a classifier can give."""

    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("classifier_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("lbl"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"))
    name: Mapped[str]
    position: Mapped[int]


class Source(Base):
    """A way in: the API's own (kind "api") or an address with a token (kind "hook")."""

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("classifier_id", "kind", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("src"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"))
    kind: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    # An address that can only hand pictures in, shown again whenever its owner asks for it.
    token: Mapped[str] = mapped_column(unique=True, default=lambda: new_token(32))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
