"""Digests: alerts that are gathered into one message

Revision: 0012, after 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
OPEN = sa.text("status = 'open'")
AT_WORK = sa.text("status in ('open', 'sending')")
GATHERED = sa.text("digest_id is not null")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "digests",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("classifier_id", sa.String(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("params", JSON, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("first_action_id", sa.String(), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_digests_workspace_id")
        ),
        sa.ForeignKeyConstraint(
            ["classifier_id"], ["classifiers.id"], name=op.f("fk_digests_classifier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digests")),
    )
    op.create_index("ix_digests_workspace_id_id", "digests", ["workspace_id", "id"])
    op.create_index(
        "ix_digests_gathering",
        "digests",
        ["rule_id", "target"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_digests_open",
        "digests",
        ["due_at", "id"],
        sqlite_where=AT_WORK,
        postgresql_where=AT_WORK,
    )
    # Null where the previous release writes the row: it gathers nothing.
    op.add_column("actions", sa.Column("digest_id", sa.String(), nullable=True))
    op.create_index(
        "ix_actions_digest_id",
        "actions",
        ["digest_id", "id"],
        sqlite_where=GATHERED,
        postgresql_where=GATHERED,
    )


def downgrade() -> None:
    """Take it back; what waited for a digest is not sent."""
    op.drop_index("ix_actions_digest_id", table_name="actions")
    op.drop_column("actions", "digest_id")
    op.drop_index("ix_digests_open", table_name="digests")
    op.drop_index("ix_digests_gathering", table_name="digests")
    op.drop_index("ix_digests_workspace_id_id", table_name="digests")
    op.drop_table("digests")
