"""Learning

Revision: 0002, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Bring the tables to this revision."""
    # Columns are added in place: a batch would make the table anew, and SQLite does not drop one
    # that others refer to.
    op.create_table(
        "studies",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("classifier_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("params", JSON, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("result", JSON, nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["classifier_id"], ["classifiers.id"], name=op.f("fk_studies_classifier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studies")),
    )
    with op.batch_alter_table("studies", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_studies_classifier_id"), ["classifier_id"], unique=False
        )
        batch_op.create_index("ix_studies_status", ["status"], unique=False)

    op.add_column(
        "classifiers",
        sa.Column(
            "promise",
            JSON,
            server_default=sa.text('\'{"kind": "confidence"}\''),
            nullable=False,
        ),
    )
    op.add_column("classifiers", sa.Column("operating", JSON, nullable=True))
    op.add_column("classifiers", sa.Column("field", JSON, nullable=True))
    op.add_column(
        "classifiers",
        sa.Column("stale", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("classifiers", sa.Column("audit_share", sa.Double(), nullable=True))
    op.add_column(
        "classifiers",
        sa.Column("auto_train", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.add_column(
        "classifiers",
        sa.Column("changes", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("classifiers", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "classifiers", sa.Column("aliases", JSON, server_default=sa.text("'[]'"), nullable=False)
    )

    op.add_column("examples", sa.Column("labelled_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("examples", schema=None) as batch_op:
        batch_op.alter_column("label_id", existing_type=sa.VARCHAR(), nullable=True)

    op.add_column(
        "model_versions", sa.Column("kind", sa.String(), server_default="head", nullable=False)
    )
    op.add_column("model_versions", sa.Column("unlike_sha256", sa.String(), nullable=True))
    op.add_column("model_versions", sa.Column("report_sha256", sa.String(), nullable=True))
    with op.batch_alter_table("model_versions", schema=None) as batch_op:
        batch_op.alter_column("portable_sha256", existing_type=sa.VARCHAR(), nullable=True)

    op.add_column("predictions", sa.Column("usual", sa.Double(), nullable=True))
    op.add_column("predictions", sa.Column("twin_of", sa.String(), nullable=True))
    op.add_column("predictions", sa.Column("corrected_label", sa.String(), nullable=True))

    op.add_column(
        "reviews", sa.Column("kind", sa.String(), server_default="question", nullable=False)
    )
    op.add_column(
        "reviews", sa.Column("code", sa.String(), server_default="unsure", nullable=False)
    )

    op.add_column(
        "training_runs", sa.Column("kind", sa.String(), server_default="head", nullable=False)
    )
    op.add_column(
        "training_runs", sa.Column("reason", sa.String(), server_default="asked", nullable=False)
    )
    op.add_column("training_runs", sa.Column("changes_seen", sa.Integer(), nullable=True))
    op.add_column("training_runs", sa.Column("remaining_seconds", sa.Double(), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("training_runs", "remaining_seconds")
    op.drop_column("training_runs", "changes_seen")
    op.drop_column("training_runs", "reason")
    op.drop_column("training_runs", "kind")

    op.drop_column("reviews", "code")
    op.drop_column("reviews", "kind")

    op.drop_column("predictions", "corrected_label")
    op.drop_column("predictions", "twin_of")
    op.drop_column("predictions", "usual")

    with op.batch_alter_table("model_versions", schema=None) as batch_op:
        batch_op.alter_column("portable_sha256", existing_type=sa.VARCHAR(), nullable=False)
    op.drop_column("model_versions", "report_sha256")
    op.drop_column("model_versions", "unlike_sha256")
    op.drop_column("model_versions", "kind")

    with op.batch_alter_table("examples", schema=None) as batch_op:
        batch_op.alter_column("label_id", existing_type=sa.VARCHAR(), nullable=False)
    op.drop_column("examples", "labelled_at")

    op.drop_column("classifiers", "aliases")
    op.drop_column("classifiers", "changed_at")
    op.drop_column("classifiers", "changes")
    op.drop_column("classifiers", "auto_train")
    op.drop_column("classifiers", "audit_share")
    op.drop_column("classifiers", "stale")
    op.drop_column("classifiers", "field")
    op.drop_column("classifiers", "operating")
    op.drop_column("classifiers", "promise")

    with op.batch_alter_table("studies", schema=None) as batch_op:
        batch_op.drop_index("ix_studies_status")
        batch_op.drop_index(batch_op.f("ix_studies_classifier_id"))

    op.drop_table("studies")
