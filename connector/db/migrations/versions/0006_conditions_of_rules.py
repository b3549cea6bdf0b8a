"""Conditions of rules: more than one label

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column(
        "rules",
        sa.Column("conditions", JSON, server_default=sa.text("'{}'"), nullable=False),
    )


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_column("rules", "conditions")
