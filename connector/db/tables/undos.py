"""Many actions that are to be taken back, and what became of each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class Undo(Base):
    """Somebody's wish to have many actions taken back, or a corrected picture put right."""

    __tablename__ = "undos"
    __table_args__ = (
        Index("ix_undos_workspace_id_id", "workspace_id", "id"),
        Index(
            "ix_undos_running",
            "id",
            sqlite_where=text("status = 'running'"),
            postgresql_where=text("status = 'running'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("undo"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    # What was asked for: None when the actions were named one by one.
    filter: Mapped[Json | None]
    # Of a picture that is put right: its prediction, and the label that it should have had.
    prediction_id: Mapped[str | None] = mapped_column(
        ForeignKey("predictions.id", ondelete="CASCADE"), index=True
    )
    label: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="running")  # running, done
    requested_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]


class UndoItem(Base):
    """One of these actions. It waits until a worker is asked for it, then for the worker."""

    __tablename__ = "undo_items"
    __table_args__ = (Index("ix_undo_items_undo_id_state_rank", "undo_id", "state", "rank"),)

    undo_id: Mapped[str] = mapped_column(
        ForeignKey("undos.id", ondelete="CASCADE"), primary_key=True
    )
    action_id: Mapped[str] = mapped_column(
        ForeignKey("actions.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    # What was done last comes first.
    rank: Mapped[int]
    state: Mapped[str]  # waiting, requested, undone, refused
    code: Mapped[str | None]
    error: Mapped[str | None]
