"""Undo in bulk, pictures put right, actions listed by workspace and by rule

Revision: 0011, after 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
RUNNING = sa.text("status = 'running'")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_index("ix_actions_workspace_id_id", "actions", ["workspace_id", "id"])
    op.create_index("ix_actions_rule_id_id", "actions", ["rule_id", "id"])
    # Null in what the previous release plans: for the prediction's own label, after no undo.
    op.add_column("actions", sa.Column("label", sa.String(), nullable=True))
    op.add_column("actions", sa.Column("after_undo", sa.String(), nullable=True))
    op.create_table(
        "undos",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("filter", JSON, nullable=True),
        sa.Column("prediction_id", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_undos_workspace_id")
        ),
        sa.ForeignKeyConstraint(
            ["prediction_id"],
            ["predictions.id"],
            name=op.f("fk_undos_prediction_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undos")),
    )
    op.create_index("ix_undos_workspace_id_id", "undos", ["workspace_id", "id"])
    op.create_index(op.f("ix_undos_prediction_id"), "undos", ["prediction_id"])
    op.create_index(
        "ix_undos_running", "undos", ["id"], sqlite_where=RUNNING, postgresql_where=RUNNING
    )
    op.create_table(
        "undo_items",
        sa.Column("undo_id", sa.String(), nullable=False),
        sa.Column("action_id", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["undo_id"], ["undos.id"], name=op.f("fk_undo_items_undo_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["action_id"], ["actions.id"], name=op.f("fk_undo_items_action_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("undo_id", "action_id", name=op.f("pk_undo_items")),
    )
    op.create_index(op.f("ix_undo_items_action_id"), "undo_items", ["action_id"])
    op.create_index("ix_undo_items_undo_id_state_rank", "undo_items", ["undo_id", "state", "rank"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("undo_items")
    op.drop_table("undos")
    op.drop_column("actions", "after_undo")
    op.drop_column("actions", "label")
    op.drop_index("ix_actions_rule_id_id", table_name="actions")
    op.drop_index("ix_actions_workspace_id_id", table_name="actions")
