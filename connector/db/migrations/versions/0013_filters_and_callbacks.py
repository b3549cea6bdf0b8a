"""Filters of subscriptions and whose they are; more callbacks; what was decided and answered last

Revision: 0013, after 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
DECIDED = sa.text("decided_at IS NOT NULL")
ANSWERED = sa.text("answered_at IS NOT NULL")


def upgrade() -> None:
    """Bring the tables to this revision."""
    # The previous release asks for nothing, and so tells everything.
    op.add_column("webhooks", sa.Column("filters", JSON, server_default="{}", nullable=False))
    op.add_column("webhooks", sa.Column("key_id", sa.String(), nullable=True))
    op.add_column("predictions", sa.Column("callbacks", JSON, nullable=True))
    op.create_index(
        "ix_predictions_decided_of_workspace",
        "predictions",
        ["workspace_id", "decided_at"],
        sqlite_where=DECIDED,
        postgresql_where=DECIDED,
    )
    op.create_index(
        "ix_reviews_answered_of_workspace",
        "reviews",
        ["workspace_id", "answered_at"],
        sqlite_where=ANSWERED,
        postgresql_where=ANSWERED,
    )


def downgrade() -> None:
    """Take it back: what was filtered is told again, and only the first callback is called."""
    op.drop_index("ix_reviews_answered_of_workspace", table_name="reviews")
    op.drop_index("ix_predictions_decided_of_workspace", table_name="predictions")
    op.drop_column("predictions", "callbacks")
    op.drop_column("webhooks", "key_id")
    op.drop_column("webhooks", "filters")
