"""Actions listed by workspace and by rule

Revision: 0010, after 0005
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_index("ix_actions_workspace_id_id", "actions", ["workspace_id", "id"])
    op.create_index("ix_actions_rule_id_id", "actions", ["rule_id", "id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_actions_rule_id_id", table_name="actions")
    op.drop_index("ix_actions_workspace_id_id", table_name="actions")
