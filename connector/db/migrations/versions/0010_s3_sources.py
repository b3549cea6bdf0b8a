"""S3 sources: what was passed over, and back-fills

Revision: 0010, after 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    # Only additions with defaults: a process of the release before goes on noting refusals.
    op.add_column(
        "sources", sa.Column("ignored", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "source_events",
        sa.Column("outcome", sa.String(), server_default="refused", nullable=False),
    )
    op.create_table(
        "backfills",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("bucket", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("after_key", sa.String()),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("seen", "accepted", "known", "ignored")
        ),
        *(
            sa.Column(name, sa.String())
            for name in ("waiting_code", "waiting", "error_code", "error")
        ),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String()),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_backfills_workspace_id"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_backfills_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_backfills"),
    )
    op.create_index("ix_backfills_source_id_id", "backfills", ["source_id", "id"])
    op.create_index("ix_backfills_status", "backfills", ["status"])


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_table("backfills")
    op.drop_column("source_events", "outcome")
    op.drop_column("sources", "ignored")
