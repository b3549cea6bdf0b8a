"""Fair shares: queued predictions by workspace

Revision: 0005, after 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

QUEUED = sa.text("status = 'queued'")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_index(
        "ix_predictions_queued_of_workspace",
        "predictions",
        ["workspace_id", "id"],
        unique=False,
        sqlite_where=QUEUED,
        postgresql_where=QUEUED,
    )


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_index("ix_predictions_queued_of_workspace", table_name="predictions")
