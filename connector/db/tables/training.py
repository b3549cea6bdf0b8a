"""Training runs and the versions they make."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class TrainingRun(Base):
    """One attempt to make a better model."""

    __tablename__ = "training_runs"
    __table_args__ = (Index("ix_training_runs_status", "status"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("run"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"), index=True)
    status: Mapped[str] = mapped_column(default="queued")  # queued, running, done, failed
    step: Mapped[str | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    message: Mapped[str | None]
    notice: Mapped[str | None]
    version: Mapped[int | None]
    promoted: Mapped[bool | None]
    metrics: Mapped[Json | None]
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    strikes: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ModelVersion(Base):
    """A model as it was exported: never changed, only made live or not."""

    __tablename__ = "model_versions"
    __table_args__ = (UniqueConstraint("classifier_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ver"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"))
    number: Mapped[int]
    run_id: Mapped[str | None] = mapped_column(ForeignKey("training_runs.id"))
    labels: Mapped[list[str]]
    thresholds: Mapped[Json]
    card: Mapped[Json]
    metrics: Mapped[Json]
    backbone_sha256: Mapped[str]
    head_sha256: Mapped[str]
    portable_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
