"""The activity as a person leafs through it: the latest pictures, and what became of each.

However many there are, a page looks at no more than LOOKS_THROUGH of them: where a filter finds
little, the page says how far back it has looked, and where to go on from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from connector.db.tables import Action, Classifier, Prediction, Review
from connector.domain import prediction_list
from connector.domain.paging import CURSOR
from connector.domain.prediction_list import PredictionFilter
from connector.errors import BadRequest
from connector.ids import made_at

PAGE = 50
# Counted up to here; beyond, there are "more than" as many.
MOST_COUNTED = 1000
LOOKS_THROUGH = 20_000


@dataclass(frozen=True)
class Entry:
    """A picture and what became of it.

    `row` holds the columns of COLUMNS, `review` those of REVIEW; None where nobody was asked.
    """

    row: Any
    actions: Sequence[Action]
    review: Any


@dataclass(frozen=True)
class Sheet:
    """Some entries, newest first.

    `count`: how many there are in what was looked through, None where nobody counted; more than
    MOST_COUNTED is MOST_COUNTED + 1. `next_cursor`: where the next ones begin. `looked_to`: how far
    back was looked where that was not to the end, and the next page looks on from there.
    """

    entries: list[Entry]
    next_cursor: str | None
    count: int | None = None
    looked_to: datetime | None = None


COLUMNS = (
    Prediction.id,
    Prediction.classifier_id,
    Prediction.image_id,
    Prediction.image_deleted_at,
    Prediction.name,
    Prediction.external_id,
    Prediction.status,
    Prediction.label,
    Prediction.confidence,
    Prediction.decided_by,
    Prediction.model_version,
    Prediction.twin_of,
    Prediction.corrected_label,
    Prediction.error,
    Prediction.created_at,
    Classifier.name.label("classifier"),
)
REVIEW = (Review.prediction_id, Review.id, Review.kind, Review.state, Review.answered_by)


def sheet(
    session: Session,
    workspace_id: str,
    wanted: PredictionFilter,
    *,
    cursor: str | None = None,
    counted: bool = False,
) -> Sheet:
    """Return a page of the workspace's pictures. Raises BadRequest for a bad filter or cursor."""
    if cursor is not None and not CURSOR.match(cursor):
        raise BadRequest(
            "This cursor is not one we gave; start again without it.", code="bad_cursor"
        )
    asked = prediction_list.asked(session, workspace_id, wanted)
    before = [] if cursor is None else [Prediction.id < cursor]
    horizon = None if asked.few else _horizon(session, [*asked.through, *before])
    within = [] if horizon is None else [Prediction.id >= horizon]
    most = MOST_COUNTED + 1 if counted else PAGE + 1
    found = select(Prediction.id).where(*asked.all, *before, *within)
    ids = list(session.scalars(found.order_by(Prediction.id.desc()).limit(most)))
    shown, more = ids[:PAGE], len(ids) > PAGE
    return Sheet(
        entries(session, shown),
        shown[-1] if more else horizon,
        len(ids) if counted else None,
        made_at(horizon) if horizon is not None and not more else None,
    )


def _horizon(session: Session, through: Sequence[ColumnElement[bool]]) -> str | None:
    """Return the id of the last picture that is looked at; None where all that are left are."""
    last = select(Prediction.id).where(*through).order_by(Prediction.id.desc())
    # One more behind it, else the end is reached.
    ids = list(session.scalars(last.offset(LOOKS_THROUGH - 1).limit(2)))
    return ids[0] if len(ids) == 2 else None


def entries(session: Session, ids: Sequence[str]) -> list[Entry]:
    """Return what is shown of these predictions, newest first, by three queries."""
    if not ids:
        return []
    actions: dict[str, list[Action]] = defaultdict(list)
    done = select(Action).where(Action.prediction_id.in_(ids)).order_by(Action.sequence)
    for one in session.scalars(done):
        actions[one.prediction_id].append(one)
    asked = select(*REVIEW).where(Review.prediction_id.in_(ids))
    reviews = {row.prediction_id: row for row in session.execute(asked)}
    rows = session.execute(
        select(*COLUMNS)
        .join(Classifier, Classifier.id == Prediction.classifier_id)
        .where(Prediction.id.in_(ids))
        .order_by(Prediction.id.desc())
    )
    return [Entry(row, actions[row.id], reviews.get(row.id)) for row in rows]
