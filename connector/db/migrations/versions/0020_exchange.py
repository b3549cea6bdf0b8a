"""Who labelled a picture, imports from other tools, and samples

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
    op.drop_column("examples", "labelled_by")
    op.drop_column("classifiers", "sample")
