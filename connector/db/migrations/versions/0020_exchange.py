"""Who labelled a picture and what the model makes of it, imports from other tools, samples

Revision: 0020, after 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0016"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column(
        "classifiers",
        sa.Column("sample", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.add_column("examples", sa.Column("labelled_by", sa.String(), nullable=True))
    op.add_column("examples", sa.Column("guess_id", sa.String(), nullable=True))
    op.add_column("examples", sa.Column("confidence", sa.Double(), nullable=True))
    op.add_column("examples", sa.Column("scored_version", sa.Integer(), nullable=True))
    for columns in (["confidence", "id"], ["scored_version"]):
        columns = ["classifier_id", *columns]
        op.create_index(f"ix_examples_{'_'.join(columns)}", "examples", columns)
    op.create_index(
        "ix_examples_classifier_id_labelled_at", "examples", ["classifier_id", "labelled_at"]
    )
    op.add_column("imports", sa.Column("options", JSON, nullable=True))
    op.add_column(
        "imports", sa.Column("labelled", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column(
        "import_problems",
        sa.Column("kind", sa.String(), nullable=False, server_default="skipped"),
    )


def downgrade() -> None:
    """Take it back: nobody knows any more who labelled what."""
    op.drop_column("import_problems", "kind")
    for column in ("labelled", "options"):
        op.drop_column("imports", column)
    for name in ("labelled_at", "scored_version", "confidence_id"):
        op.drop_index(f"ix_examples_classifier_id_{name}", "examples")
    for column in ("scored_version", "confidence", "guess_id", "labelled_by"):
        op.drop_column("examples", column)
    op.drop_column("classifiers", "sample")
