"""Pictures, the labels people gave them, and imports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.db.types import Base, Json, utcnow
from connector.ids import new_id


class Image(Base):
    """A picture's bytes as they came, once per workspace and content."""

    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("workspace_id", "sha256"),
        # What a workspace keeps, and all of them, summed without reading the rows.
        Index("ix_images_workspace_id_size", "workspace_id", "size"),
        Index("ix_images_sha256", "sha256"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("img"))
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    sha256: Mapped[str]
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    # Since then nothing in this workspace needs the bytes; the row tells what they were.
    deleted_at: Mapped[datetime | None]


class Embedding(Base):
    """A picture's vector under one backbone (float32, little-endian)."""

    __tablename__ = "embeddings"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    backbone: Mapped[str] = mapped_column(primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class Example(Base):
    """A picture with the label a person gave it, or one that still waits for a label."""

    __tablename__ = "examples"
    __table_args__ = (
        UniqueConstraint("classifier_id", "image_id"),
        Index("ix_examples_classifier_id_id", "classifier_id", "id"),
        Index("ix_examples_image_id", "image_id"),
        # Pages of those with one label, without one, or of one origin, newest first; and how many
        # each has, counted without reading the rows.
        Index("ix_examples_classifier_id_label_id_id", "classifier_id", "label_id", "id"),
        Index("ix_examples_classifier_id_origin_id", "classifier_id", "origin", "id"),
        # The least sure first; and which the live version has not seen.
        Index("ix_examples_classifier_id_confidence_id", "classifier_id", "confidence", "id"),
        Index("ix_examples_classifier_id_scored_version", "classifier_id", "scored_version"),
        # Those that were labelled last, without sorting all of them.
        Index("ix_examples_classifier_id_labelled_at", "classifier_id", "labelled_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ex"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"))
    image_id: Mapped[str] = mapped_column(ForeignKey("images.id"))
    # None: kept to be labelled.
    label_id: Mapped[str | None] = mapped_column(ForeignKey("labels.id"), index=True)
    name: Mapped[str]
    origin: Mapped[str]
    # When it got the label that it has; None for those of the first release.
    labelled_at: Mapped[datetime | None] = mapped_column(default=utcnow)
    # Who gave it, by the name they had then: a person, a key, an annotator of another tool. None
    # where nobody did by hand, as in an import of folders, and for those of earlier releases.
    labelled_by: Mapped[str | None]
    # What the live version makes of it, by a label's id that may be gone by now, how sure it is
    # (0..1), and which version that was; see connector.domain.scores.
    guess_id: Mapped[str | None]
    confidence: Mapped[float | None]
    scored_version: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Labelling(Base):
    """What a person labelled at one go on a page, with what was there before, to be undone."""

    __tablename__ = "labellings"
    __table_args__ = (
        Index("ix_labellings_classifier_id_person_id_id", "classifier_id", "person_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("lab"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    # What they got, None for no label; labels that were removed since are no longer there.
    label_id: Mapped[str | None]
    # The ids of the examples by the id of the label that they had, "" for none.
    before: Mapped[Json]
    count: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    undone_at: Mapped[datetime | None]


class Import(Base):
    """One zip or folder on its way in."""

    __tablename__ = "imports"
    __table_args__ = (Index("ix_imports_status", "status"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("imp"))
    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id"), index=True)
    status: Mapped[str] = mapped_column(default="queued")  # queued, running, done, failed
    label_mode: Mapped[str]
    # What else was asked for; see connector.domain.exchange_imports.
    options: Mapped[Json | None]
    archive_sha256: Mapped[str | None]
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    # Of those, how many were here already and got a label, or another one.
    labelled: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    duplicates: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    strikes: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]


class ImportProblem(Base):
    """A file of an import that was skipped, and why; or something else worth knowing of it."""

    __tablename__ = "import_problems"
    __table_args__ = (UniqueConstraint("import_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ipr"))
    import_id: Mapped[str] = mapped_column(ForeignKey("imports.id"))
    # skipped, or note: taken all the same.
    kind: Mapped[str] = mapped_column(default="skipped", server_default="skipped")
    name: Mapped[str]
    code: Mapped[str]
    reason: Mapped[str]
