"""What is to be done with an answered picture, and each thing that was done."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class Rule(Base):
    """When the answer is this label, do these actions in order; a change is a new version."""

    __tablename__ = "rules"
    __table_args__ = (
        Index("ix_rules_classifier_id_position", "classifier_id", "position"),
        UniqueConstraint("rule_id", "version"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("rlv"))
    rule_id: Mapped[str] = mapped_column(default=lambda: new_id("rule"))
    version: Mapped[int] = mapped_column(default=1)
    current: Mapped[bool] = mapped_column(default=True)
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"))
    # None: any label. conditions.NEVER where there are `conditions`: a release that does not know
    # them must not take the rule for one that always holds.
    label: Mapped[str | None]
    conditions: Mapped[Json] = mapped_column(default=dict, server_default=text("'{}'"))
    position: Mapped[int] = mapped_column(default=0)
    enabled: Mapped[bool] = mapped_column(default=True)
    actions: Mapped[list[Json]]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Action(Base):
    """One effect: planned with the decision, carried out once, undoable."""

    __tablename__ = "actions"
    __table_args__ = (
        UniqueConstraint("prediction_id", "rule_id", "rule_version", "position"),
        Index(
            "ix_actions_open",
            "due_at",
            "id",
            sqlite_where=text("pending = 1"),
            postgresql_where=text("pending"),
        ),
        Index("ix_actions_workspace_id_id", "workspace_id", "id"),
        Index("ix_actions_rule_id_id", "rule_id", "id"),
        # The pictures with which something did not work.
        Index(
            "ix_actions_failed_of_workspace",
            "workspace_id",
            "prediction_id",
            sqlite_where=text("status = 'failed'"),
            postgresql_where=text("status = 'failed'"),
        ),
        Index(
            "ix_actions_digest_id",
            "digest_id",
            "id",
            sqlite_where=text("digest_id is not null"),
            postgresql_where=text("digest_id is not null"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("act"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id"))
    rule_id: Mapped[str]
    rule_version: Mapped[int]
    # Order among all actions of a prediction: each waits for the one before it.
    sequence: Mapped[int]
    position: Mapped[int]
    kind: Mapped[str]
    params: Mapped[Json]
    # What it is done for when a person corrected the answer; None: the prediction's own label.
    label: Mapped[str | None]
    # The undo that it waits for, to be done only if that undoes everything.
    after_undo: Mapped[str | None]
    # planned, waiting (for its digest), done, failed, undone
    status: Mapped[str] = mapped_column(default="planned")
    # The digest that told of it, or is going to.
    digest_id: Mapped[str | None]
    # True while a worker has something to do: carry it out, or undo it.
    pending: Mapped[bool] = mapped_column(default=True)
    undo_requested_at: Mapped[datetime | None]
    journal: Mapped[Json] = mapped_column(default=dict)
    detail: Mapped[Json] = mapped_column(default=dict)
    # Where the picture was before: what an undo goes back to.
    location_before: Mapped[Json | None]
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    strikes: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]
