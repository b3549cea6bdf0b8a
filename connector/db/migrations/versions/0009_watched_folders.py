"""Watched folders

Revision: 0009, after 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
GONE = sa.text("gone_at IS NOT NULL")


def _moment(name: str, *, nullable: bool) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def upgrade() -> None:
    """Bring the tables to this revision."""
    # Only new tables: a process of the release before goes on without them.
    op.create_table(
        "watched_folders",
        *_text("id"),
        _moment("since", nullable=False),
        sa.Column("take_existing", sa.Boolean(), nullable=False),
        sa.Column("surveyed", sa.Boolean(), nullable=False),
        sa.Column("before", JSON, nullable=True),
        sa.Column("turn", sa.Integer(), nullable=False),
        *_text("state"),
        *_text("code", "detail", nullable=True),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("unfinished", sa.Integer(), nullable=False),
        _moment("looked_at", nullable=True),
        *_text("lease_token", nullable=True),
        _moment("lease_until", nullable=True),
        sa.ForeignKeyConstraint(["id"], ["sources.id"], name=op.f("fk_watched_folders_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watched_folders")),
    )
    _files()
    op.create_table(
        "written_files",
        *_text("id", "place", "sha256", "action_id", "phase"),
        _moment("created_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_written_files")),
        sa.UniqueConstraint("action_id", "phase", name=op.f("uq_written_files_action_id_phase")),
    )
    op.create_index("ix_written_files_place", "written_files", ["place"], unique=False)


def _files() -> None:
    op.create_table(
        "watched_files",
        *_text("source_id", "place", "path", "state"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("ctime_ns", sa.BigInteger(), nullable=False),
        *_text("inode"),
        *_text("sha256", nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        *_text("prediction_id", nullable=True),
        *_text("written"),
        _moment("gone_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name=op.f("fk_watched_files_source_id")
        ),
        sa.PrimaryKeyConstraint("source_id", "place", name=op.f("pk_watched_files")),
    )
    op.create_index("ix_watched_files_source_id_inode", "watched_files", ["source_id", "inode"])
    op.create_index(
        "ix_watched_files_gone",
        "watched_files",
        ["source_id", "gone_at"],
        sqlite_where=GONE,
        postgresql_where=GONE,
    )


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_table("written_files")
    op.drop_table("watched_files")
    op.drop_table("watched_folders")
