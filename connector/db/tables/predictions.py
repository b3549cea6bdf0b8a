"""Pictures to be answered, and the questions that go to people."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class Prediction(Base):
    """One picture on its way through one classifier."""

    __tablename__ = "predictions"
    __table_args__ = (
        UniqueConstraint("source_id", "idempotency_key"),
        Index("ix_predictions_classifier_id_id", "classifier_id", "id"),
        # What a source brought lately.
        Index("ix_predictions_source_id_id", "source_id", "id"),
        Index("ix_predictions_workspace_id_external_id_id", "workspace_id", "external_id", "id"),
        # What came in last, whatever it is of; and the few that stand out, without the others.
        Index("ix_predictions_workspace_id_id", "workspace_id", "id"),
        Index(
            "ix_predictions_failed_of_workspace",
            "workspace_id",
            "id",
            sqlite_where=text("status = 'failed'"),
            postgresql_where=text("status = 'failed'"),
        ),
        Index(
            "ix_predictions_asked_of_workspace",
            "workspace_id",
            "id",
            sqlite_where=text("status = 'needs_review'"),
            postgresql_where=text("status = 'needs_review'"),
        ),
        Index(
            "ix_predictions_queued_of_workspace",
            "workspace_id",
            "id",
            sqlite_where=text("status = 'queued'"),
            postgresql_where=text("status = 'queued'"),
        ),
        Index(
            "ix_predictions_queued",
            "lease_until",
            "id",
            sqlite_where=text("status = 'queued'"),
            postgresql_where=text("status = 'queued'"),
        ),
        # Whose picture is kept: who needs one, and which are old enough to go.
        Index(
            "ix_predictions_kept_image",
            "image_id",
            sqlite_where=text("image_deleted_at IS NULL"),
            postgresql_where=text("image_deleted_at IS NULL"),
        ),
        Index(
            "ix_predictions_kept_of_classifier",
            "classifier_id",
            "created_at",
            "id",
            sqlite_where=text("image_deleted_at IS NULL"),
            postgresql_where=text("image_deleted_at IS NULL"),
        ),
        # Which pictures obeyed the answer to this one.
        Index(
            "ix_predictions_twin_of",
            "twin_of",
            sqlite_where=text("twin_of IS NOT NULL"),
            postgresql_where=text("twin_of IS NOT NULL"),
        ),
        # About which ones a classifier asks.
        Index(
            "ix_predictions_asked",
            "classifier_id",
            "id",
            sqlite_where=text("status = 'needs_review'"),
            postgresql_where=text("status = 'needs_review'"),
        ),
        # What was decided last.
        Index(
            "ix_predictions_decided_of_workspace",
            "workspace_id",
            "decided_at",
            sqlite_where=text("decided_at IS NOT NULL"),
            postgresql_where=text("decided_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("pred"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"))
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"))
    idempotency_key: Mapped[str | None]
    # A repeat with other content under the same key is a mistake worth telling.
    request_hash: Mapped[str]
    image_id: Mapped[str] = mapped_column(ForeignKey("images.id"))
    # Since then its picture is no longer there for it; see connector.domain.retention.
    image_deleted_at: Mapped[datetime | None]
    name: Mapped[str]
    external_id: Mapped[str | None]
    # `metadata` is taken by SQLAlchemy's declarative base.
    meta: Mapped[Json] = mapped_column("metadata", default=dict)
    callback_url: Mapped[str | None]
    # Further addresses, added after it came in.
    callbacks: Mapped[list[str] | None]
    status: Mapped[str] = mapped_column(default="queued")  # queued, needs_review, done, failed
    label: Mapped[str | None]
    confidence: Mapped[float | None]
    probabilities: Mapped[Json | None]
    decided_by: Mapped[str | None]  # model, person, policy
    model_version: Mapped[int | None]
    # How usual the picture is among the labelled ones: a p-value, small for one unlike them all.
    usual: Mapped[float | None]
    # The prediction whose answer by a person this near-identical picture obeyed.
    twin_of: Mapped[str | None]
    # What a person said later, of an answer that had been given already.
    corrected_label: Mapped[str | None]
    # Where the picture is now: held by us, or a file in a folder that rules work on.
    location: Mapped[Json]
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    # `suspect` counts crashes of whole batches it was in, `strikes` crashes all by itself.
    suspect: Mapped[int] = mapped_column(default=0)
    strikes: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    decided_at: Mapped[datetime | None]

    @property
    def to_call_back(self) -> list[str]:
        """The addresses that are told of this picture's answer beside the subscriptions."""
        first = [] if self.callback_url is None else [self.callback_url]
        return [*first, *(self.callbacks or [])]


class Review(Base):
    """A question to a person about one prediction; an audit asks after the answer was given."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index("ix_reviews_workspace_id_state_id", "workspace_id", "state", "id"),
        Index(
            "ix_reviews_open",
            "kind",
            "id",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        # What was answered last.
        Index(
            "ix_reviews_answered_of_workspace",
            "workspace_id",
            "answered_at",
            sqlite_where=text("answered_at IS NOT NULL"),
            postgresql_where=text("answered_at IS NOT NULL"),
        ),
        # What somebody has before them.
        Index(
            "ix_reviews_claimed_by",
            "claimed_by",
            sqlite_where=text("claimed_by IS NOT NULL"),
            postgresql_where=text("claimed_by IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("rev"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id"), unique=True)
    kind: Mapped[str] = mapped_column(default="question", server_default="question")  # or audit
    # settled: nobody answered in time, and a policy did.
    state: Mapped[str] = mapped_column(default="open")  # open, answered, settled
    # unsure, unlike, no_evidence, promise_broken, audit
    code: Mapped[str] = mapped_column(default="unsure", server_default="unsure")
    reason: Mapped[str]
    # None although it is answered: the person said that it is none of the labels.
    label: Mapped[str | None]
    answered_by: Mapped[str | None]
    # Who that was, where it was somebody with an account: a person's id.
    person_id: Mapped[str | None]
    # Whose pages show it, so that nobody else is asked meanwhile; see domain.review_queue.
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    # When it was found that nobody answers it in time, and when people were last reminded of it.
    overdue_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    answered_at: Mapped[datetime | None]


class ReviewSkip(Base):
    """A question that somebody did not want to answer: they see the others first."""

    __tablename__ = "review_skips"

    review_id: Mapped[str] = mapped_column(ForeignKey("reviews.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
