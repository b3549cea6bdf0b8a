"""Asking people in Slack, and what is done about questions that nobody answers

Revision: 0019, after 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
DEFAULT = sa.text("classifier_id IS NULL")
DUE = sa.text("due")
ASKED = sa.text("status = 'needs_review'")
WAITING = sa.text("status = 'waiting'")


def upgrade() -> None:
    """Bring the tables to this revision."""
    # Null where the previous release opens a review: nothing was done about it yet.
    op.add_column("reviews", sa.Column("overdue_at", MOMENT, nullable=True))
    op.add_column("reviews", sa.Column("reminded_at", MOMENT, nullable=True))
    op.create_index(
        "ix_predictions_asked",
        "predictions",
        ["classifier_id", "id"],
        sqlite_where=ASKED,
        postgresql_where=ASKED,
    )
    _askings()
    _messages()


def _askings() -> None:
    op.create_table(
        "askings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("classifier_id", sa.String(), nullable=True),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("most_open", sa.Integer(), nullable=False),
        sa.Column("overdue_hours", sa.Double(), nullable=True),
        sa.Column("overdue", JSON, nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("failed_at", MOMENT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", MOMENT, nullable=True),
        sa.Column("summary_channel", sa.String(), nullable=True),
        sa.Column("summary_ts", sa.String(), nullable=True),
        sa.Column("summary_count", sa.Integer(), nullable=False),
        sa.Column("reminded_at", MOMENT, nullable=True),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_askings_workspace_id")
        ),
        sa.ForeignKeyConstraint(
            ["classifier_id"], ["classifiers.id"], name=op.f("fk_askings_classifier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_askings")),
        sa.UniqueConstraint("classifier_id", name=op.f("uq_askings_classifier_id")),
    )
    op.create_index("ix_askings_workspace_id", "askings", ["workspace_id"])
    op.create_index(
        "ix_askings_default",
        "askings",
        ["workspace_id"],
        unique=True,
        sqlite_where=DEFAULT,
        postgresql_where=DEFAULT,
    )


def _messages() -> None:
    op.create_table(
        "slack_questions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("asking_id", sa.String(), nullable=False),
        sa.Column("review_id", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=True),
        sa.Column("ts", sa.String(), nullable=True),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("posted_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_slack_questions_workspace_id")
        ),
        sa.ForeignKeyConstraint(
            ["asking_id"], ["askings.id"], name=op.f("fk_slack_questions_asking_id")
        ),
        sa.ForeignKeyConstraint(
            ["review_id"], ["reviews.id"], name=op.f("fk_slack_questions_review_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slack_questions")),
        sa.UniqueConstraint("review_id", "place", name=op.f("uq_slack_questions_review_id_place")),
    )
    op.create_index("ix_slack_questions_asking_id_state", "slack_questions", ["asking_id", "state"])
    op.create_index(
        "ix_slack_questions_due",
        "slack_questions",
        ["asking_id"],
        sqlite_where=DUE,
        postgresql_where=DUE,
    )
    op.create_table(
        "slack_replies",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slack_replies")),
    )
    op.create_index(
        "ix_slack_replies_waiting",
        "slack_replies",
        ["due_at"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_table(
        "slack_seen",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_slack_seen")),
    )
    op.create_index("ix_slack_seen_created_at", "slack_seen", ["created_at"])


def downgrade() -> None:
    """Take it back: messages in Slack stay, and lead to pages that answer no more."""
    for table in ("slack_seen", "slack_replies", "slack_questions", "askings"):
        op.drop_table(table)
    op.drop_index("ix_predictions_asked", "predictions")
    for column in ("reminded_at", "overdue_at"):
        op.drop_column("reviews", column)
