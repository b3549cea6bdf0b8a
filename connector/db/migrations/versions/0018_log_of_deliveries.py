"""The log of a subscription is read by its newest deliveries

Revision: 0018, after 0016
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_index("ix_deliveries_webhook_id_id", "deliveries", ["webhook_id", "id"])
    op.drop_index("ix_deliveries_webhook_id", "deliveries")


def downgrade() -> None:
    """Take it back."""
    op.create_index("ix_deliveries_webhook_id", "deliveries", ["webhook_id"])
    op.drop_index("ix_deliveries_webhook_id_id", "deliveries")
