"""Who has a question before them, who answered it, and what they skipped

Revision: 0016, after 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
TWINS = sa.text("twin_of IS NOT NULL")
CLAIMED = sa.text("claimed_by IS NOT NULL")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("reviews", sa.Column("person_id", sa.String(), nullable=True))
    op.add_column("reviews", sa.Column("claimed_by", sa.String(), nullable=True))
    op.add_column("reviews", sa.Column("claimed_until", MOMENT, nullable=True))
    op.create_index(
        "ix_reviews_claimed_by",
        "reviews",
        ["claimed_by"],
        sqlite_where=CLAIMED,
        postgresql_where=CLAIMED,
    )
    op.create_index(
        "ix_predictions_twin_of",
        "predictions",
        ["twin_of"],
        sqlite_where=TWINS,
        postgresql_where=TWINS,
    )
    op.create_table(
        "review_skips",
        sa.Column("review_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["review_id"], ["reviews.id"], name=op.f("fk_review_skips_review_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_review_skips_person_id")
        ),
        sa.PrimaryKeyConstraint("review_id", "person_id", name=op.f("pk_review_skips")),
    )
    op.create_index("ix_review_skips_person_id", "review_skips", ["person_id"])


def downgrade() -> None:
    """Take it back: everybody is asked everything again."""
    op.drop_table("review_skips")
    op.drop_index("ix_predictions_twin_of", "predictions")
    op.drop_index("ix_reviews_claimed_by", "reviews")
    for column in ("claimed_until", "claimed_by", "person_id"):
        op.drop_column("reviews", column)
