"""Sources

Revision: 0003, after 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Bring the tables to this revision."""
    # Only additions with defaults: a process of the release before goes on making sources.
    op.add_column(
        "sources", sa.Column("state", sa.String(), server_default="active", nullable=False)
    )
    op.add_column(
        "sources", sa.Column("settings", JSON, server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("sources", sa.Column("previous_token", sa.String(), nullable=True))
    op.add_column(
        "sources", sa.Column("previous_token_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "sources", sa.Column("refused", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("sources", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_sources_previous_token", "sources", ["previous_token"], unique=False)
    op.create_index("ix_predictions_source_id_id", "predictions", ["source_id", "id"], unique=False)
    op.create_table(
        "source_events",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name=op.f("fk_source_events_source_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_events")),
    )
    op.create_index("ix_source_events_source_id_id", "source_events", ["source_id", "id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_source_events_source_id_id", table_name="source_events")
    op.drop_table("source_events")
    op.drop_index("ix_predictions_source_id_id", table_name="predictions")
    op.drop_index("ix_sources_previous_token", table_name="sources")
    for column in (
        "deleted_at",
        "refused",
        "previous_token_until",
        "previous_token",
        "settings",
        "state",
    ):
        op.drop_column("sources", column)
