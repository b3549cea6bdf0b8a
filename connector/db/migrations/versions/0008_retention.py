"""Retention: pictures that go after some time, and what was made of them

Revision: 0008, after 0007
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEPT = sa.text("image_deleted_at IS NULL")
OPEN = sa.text("state <> 'gone'")
AT_ONCE = 1000


def upgrade() -> None:
    """Bring the tables to this revision."""
    moment = sa.DateTime(timezone=True)
    op.add_column("classifiers", sa.Column("retention_days", sa.Integer(), nullable=True))
    op.add_column("images", sa.Column("deleted_at", moment, nullable=True))
    op.add_column("predictions", sa.Column("image_deleted_at", moment, nullable=True))
    op.create_index("ix_images_sha256", "images", ["sha256"])
    op.create_index("ix_examples_image_id", "examples", ["image_id"])
    for name, columns in (
        ("ix_predictions_kept_image", ["image_id"]),
        ("ix_predictions_kept_of_classifier", ["classifier_id", "created_at", "id"]),
    ):
        op.create_index(name, "predictions", columns, sqlite_where=KEPT, postgresql_where=KEPT)
    op.create_table(
        "removals",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("rescue_until", moment, nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_removals")),
    )
    op.create_index(
        "ix_removals_open", "removals", ["created_at"], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_table(
        "derivatives",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("prediction_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name=op.f("fk_derivatives_prediction_id")
        ),
        sa.PrimaryKeyConstraint("sha256", "prediction_id", name=op.f("pk_derivatives")),
    )
    op.create_index(op.f("ix_derivatives_prediction_id"), "derivatives", ["prediction_id"])
    _find_derivatives()


def _find_derivatives() -> None:
    """Note what the actions of earlier releases kept: a picture as it was before, and after."""
    connection = op.get_bind()
    derivatives = sa.table("derivatives", sa.column("sha256"), sa.column("prediction_id"))
    turned = connection.execute(
        sa.text("SELECT prediction_id, detail FROM actions WHERE kind = 'rotate'")
    )
    found: set[tuple[str, str]] = set()
    for prediction_id, detail in turned:
        # SQLite gives JSON as text.
        noted = json.loads(detail) if isinstance(detail, str) else detail or {}
        found |= {(noted[key], prediction_id) for key in ("before", "after") if noted.get(key)}
    rows = [{"sha256": sha256, "prediction_id": owner} for sha256, owner in sorted(found)]
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(sa.insert(derivatives), rows[start : start + AT_ONCE])


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_table("derivatives")
    op.drop_table("removals")
    op.drop_index("ix_predictions_kept_of_classifier", table_name="predictions")
    op.drop_index("ix_predictions_kept_image", table_name="predictions")
    op.drop_index("ix_examples_image_id", table_name="examples")
    op.drop_index("ix_images_sha256", table_name="images")
    op.drop_column("predictions", "image_deleted_at")
    op.drop_column("images", "deleted_at")
    op.drop_column("classifiers", "retention_days")
