"""Thumbnails, what was labelled last so that it can be undone, and indexes for the gallery

Revision: 0015, after 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "thumbnails",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("thumbnail_sha256", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_thumbnails")),
    )
    op.create_index("ix_thumbnails_thumbnail_sha256", "thumbnails", ["thumbnail_sha256"])
    op.create_table(
        "labellings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("classifier_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("label_id", sa.String(), nullable=True),
        sa.Column("before", JSON, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["classifier_id"], ["classifiers.id"], name=op.f("fk_labellings_classifier_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_labellings_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labellings")),
    )
    op.create_index(
        "ix_labellings_classifier_id_person_id_id",
        "labellings",
        ["classifier_id", "person_id", "id"],
    )
    # With the ids it gives pages in their order, and counts as well as the one before it.
    op.drop_index("ix_examples_classifier_id_label_id", table_name="examples")
    op.create_index(
        "ix_examples_classifier_id_label_id_id", "examples", ["classifier_id", "label_id", "id"]
    )
    op.create_index(
        "ix_examples_classifier_id_origin_id", "examples", ["classifier_id", "origin", "id"]
    )


def downgrade() -> None:
    """Take it back: thumbnails are made anew, should this revision come again."""
    op.drop_index("ix_examples_classifier_id_origin_id", table_name="examples")
    op.drop_index("ix_examples_classifier_id_label_id_id", table_name="examples")
    op.create_index("ix_examples_classifier_id_label_id", "examples", ["classifier_id", "label_id"])
    op.drop_table("labellings")
    op.drop_table("thumbnails")
