"""The log of a subscription is read by its newest deliveries; left and right may matter

Revision: 0018, after 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    no = sa.text("false")
    op.add_column(
        "classifiers", sa.Column("sides_matter", sa.Boolean(), server_default=no, nullable=False)
    )
    op.create_index("ix_deliveries_webhook_id_id", "deliveries", ["webhook_id", "id"])
    op.drop_index("ix_deliveries_webhook_id", "deliveries")


def downgrade() -> None:
    """Take it back."""
    op.drop_column("classifiers", "sides_matter")
    op.create_index("ix_deliveries_webhook_id", "deliveries", ["webhook_id"])
    op.drop_index("ix_deliveries_webhook_id_id", "deliveries")
