"""How asking goes for one classifier: by whose settings, what is open in Slack, what waits."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connector.db.tables import Asking, Classifier, SlackQuestion
from connector.domain import asking, asking_turns, overdue


@dataclass(frozen=True)
class State:
    """`row`: the settings that count, None where there are none; `own`: are they its own."""

    row: Asking | None
    own: bool
    default: Asking | None
    # Messages in Slack that wait for an answer; questions that no message asks; overdue ones.
    in_slack: int = 0
    waiting: int = 0
    overdue: int = 0
    most: int = asking_turns.MOST_COUNTED


def state(session: Session, classifier: Classifier) -> State:
    """Return how people are asked about a classifier now."""
    mine = asking.own(session, classifier.id)
    default = asking.default(session, classifier.workspace_id)
    row = mine or default
    if row is None:
        return State(None, False, None)
    open_ones = select(func.count()).where(
        SlackQuestion.asking_id == row.id, SlackQuestion.state == "open"
    )
    late = 0
    if row.overdue_hours is not None:
        late = overdue.count(session, row, asking_turns.MOST_COUNTED)
    return State(
        row,
        mine is not None,
        default,
        session.execute(open_ones).scalar_one(),
        asking_turns.count_waiting(session, row),
        late,
    )
