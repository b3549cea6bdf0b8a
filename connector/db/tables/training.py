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
    kind: Mapped[str] = mapped_column(default="head", server_default="head")  # or finetune
    # Why it was begun: asked, first_examples, new_labels, labels_changed, better_head.
    reason: Mapped[str] = mapped_column(default="asked", server_default="asked")
    # The classifier's count of changes that its training set holds.
    changes_seen: Mapped[int | None]
    status: Mapped[str] = mapped_column(default="queued")  # queued, running, done, failed
    step: Mapped[str | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    remaining_seconds: Mapped[float | None]
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
    kind: Mapped[str] = mapped_column(default="head", server_default="head")
    labels: Mapped[list[str]]
    thresholds: Mapped[Json]
    card: Mapped[Json]
    metrics: Mapped[Json]
    backbone_sha256: Mapped[str]
    head_sha256: Mapped[str]
    # These three follow after the version went live, so that it goes live sooner.
    portable_sha256: Mapped[str | None]
    unlike_sha256: Mapped[str | None]
    report_sha256: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Study(Base):
    """A question about pictures that a worker answers from embeddings: a rehearsal, groups, …"""

    __tablename__ = "studies"
    __table_args__ = (Index("ix_studies_status", "status"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("std"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"), index=True)
    kind: Mapped[str]  # rehearsal, label_next, groups, comparison
    params: Mapped[Json]
    status: Mapped[str] = mapped_column(default="queued")  # queued, running, done, failed
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    result: Mapped[Json | None]
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    strikes: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]
