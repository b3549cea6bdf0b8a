"""What came in last and what stands out, found without looking at all; which picture an event is of

Revision: 0017, after 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Name -> table, columns, which rows.
INDEXES = {
    "ix_predictions_workspace_id_id": ("predictions", ["workspace_id", "id"], None),
    "ix_predictions_workspace_id_external_id_id": (
        "predictions",
        ["workspace_id", "external_id", "id"],
        None,
    ),
    "ix_predictions_failed_of_workspace": (
        "predictions",
        ["workspace_id", "id"],
        "status = 'failed'",
    ),
    "ix_predictions_asked_of_workspace": (
        "predictions",
        ["workspace_id", "id"],
        "status = 'needs_review'",
    ),
    "ix_actions_failed_of_workspace": (
        "actions",
        ["workspace_id", "prediction_id"],
        "status = 'failed'",
    ),
    "ix_events_prediction_id": ("events", ["prediction_id", "id"], "prediction_id IS NOT NULL"),
}
# Beside the new ones it would be for nothing.
OLD = ("ix_predictions_workspace_id_external_id", "predictions", ["workspace_id", "external_id"])
EVENTS = sa.table("events", sa.column("type"), sa.column("prediction_id"))
# Where each kind of event has its picture's id.
PLACES = {
    ("prediction.completed",): ("id",),
    ("review.requested", "review.answered", "action.failed"): ("prediction_id",),
    ("alert.raised",): ("prediction", "id"),
}


def upgrade() -> None:
    """Bring the tables to this revision; events that are there learn which picture they are of."""
    op.add_column("events", sa.Column("prediction_id", sa.String(), nullable=True))
    postgres = op.get_bind().dialect.name == "postgresql"
    for types, path in PLACES.items():
        if postgres:
            found = f"payload #>> '{{{','.join(path)}}}'"
        else:
            found = f"json_extract(payload, '$.{'.'.join(path)}')"
        told = sa.update(EVENTS).where(EVENTS.c.type.in_(types))
        op.execute(told.values(prediction_id=sa.literal_column(found)))
    for name, (table, columns, which) in INDEXES.items():
        where = None if which is None else sa.text(which)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    op.drop_index(*OLD[:2])


def downgrade() -> None:
    """Take it back: nobody can tell any more which picture an event was of."""
    op.create_index(*OLD)
    for name, (table, _, _) in reversed(INDEXES.items()):
        op.drop_index(name, table)
    op.drop_column("events", "prediction_id")
