"""Classifiers, their labels, and the sources that pictures come from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
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
    # What was promised about errors, {"kind": …}; see connector.domain.promises.
    promise: Mapped[Json] = mapped_column(
        default=lambda: {"kind": "confidence"}, server_default=text('\'{"kind": "confidence"}\'')
    )
    # The thresholds that keep the promise for one version, and the evidence they stand on.
    operating: Mapped[Json | None]
    # How the promise does in the field: audits, and drift of what arrives.
    field: Mapped[Json | None]
    # Asks a worker to work out `operating` and `field` anew.
    stale: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # The share of automatic answers that a person looks over; None: as the promise needs.
    audit_share: Mapped[float | None]
    auto_train: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    # Said by a person: never learn from mirror images, whatever the evidence says.
    sides_matter: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Counts what was labelled, relabelled or taken away: how much the live model does not know.
    changes: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    changed_at: Mapped[datetime | None]
    # Names that older versions still answer with: [{"from", "to", "up_to_version"}], in order.
    aliases: Mapped[list[Json]] = mapped_column(default=list, server_default=text("'[]'"))
    # Pictures older than so many days go; 0: never, None: as COLABEL_RETENTION_DAYS says.
    retention_days: Mapped[int | None]
    # Made to be played with; see connector.domain.samples.
    sample: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
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
    """A way in: the API's own (kind "api"), or an address with a token ("hook", "s3")."""

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("classifier_id", "kind", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("src"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"))
    kind: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    # An address that can only hand pictures in, shown again whenever its owner asks for it.
    token: Mapped[str] = mapped_column(unique=True, default=lambda: new_token(32))
    state: Mapped[str] = mapped_column(default="active", server_default="active")  # or paused
    # What its kind needs to know; of a hook: {"image_field": "order.photo"}.
    settings: Mapped[Json] = mapped_column(default=dict, server_default=text("'{}'"))
    # After a rotation the token before opens the same source until then.
    previous_token: Mapped[str | None] = mapped_column(index=True)
    previous_token_until: Mapped[datetime | None]
    # How many calls were refused; what was accepted is counted by its predictions.
    refused: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    # How many reports held nothing to take: deletions, other folders, what we wrote ourselves.
    ignored: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    deleted_at: Mapped[datetime | None]


class SourceEvent(Base):
    """What a source refused or passed over: why, and nothing of what it held."""

    __tablename__ = "source_events"
    __table_args__ = (Index("ix_source_events_source_id_id", "source_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("sev"))
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"))
    outcome: Mapped[str] = mapped_column(default="refused", server_default="refused")  # or ignored
    code: Mapped[str]
    detail: Mapped[str]
    # How many pictures the call held, 0 where that was not found out.
    pictures: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
