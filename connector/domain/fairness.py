"""Whose pictures come next: a workspace that sends thousands must not hold up its neighbours.

Every workspace with pictures in the queue gets the same share of each batch, and what one leaves of
its share the others get. With one workspace alone the order is that of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import ceil

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import Prediction

# Workspaces that share a batch. Of more, those after the one that waits longest.
MOST = 32


def in_turn(session: Session, limit: int) -> list[str] | None:
    """Return the ids of up to `limit` queued predictions that nobody holds, in fair shares.

    None when all of them are one workspace's.
    """
    workspaces = list(_waiting(session))
    if len(workspaces) < 2:
        return None
    moment, left = now(session), limit
    chosen: list[str] = []
    lines = [_line(session, workspace_id, limit, moment) for workspace_id in workspaces]
    # The shortest lines first: what they leave is shared among the longer ones.
    for place, line in enumerate(sorted(lines, key=len)):
        share = ceil(left / (len(lines) - place))
        chosen += line[:share]
        left = limit - len(chosen)
    return chosen


def _waiting(session: Session) -> Iterator[str]:
    """Yield workspaces with queued predictions, from the one of the oldest on, each once."""
    queued = Prediction.status == "queued"
    oldest = select(Prediction.workspace_id).where(queued).order_by(Prediction.id).limit(1)
    first = last = session.scalar(oldest)
    wrapped = False
    for _ in range(MOST + 1):
        if last is None:
            return
        yield last
        # One look into the index for each, however long the lines are.
        following = select(func.min(Prediction.workspace_id)).where(queued)
        coming = session.scalar(following.where(Prediction.workspace_id > last))
        if coming is None and not wrapped:
            wrapped, coming = True, session.scalar(following)
        if coming is None or coming == first or (wrapped and first is not None and coming > first):
            return
        last = coming


def _line(session: Session, workspace_id: str, limit: int, moment: datetime) -> list[str]:
    free = or_(Prediction.lease_until.is_(None), Prediction.lease_until < moment)
    statement = (
        select(Prediction.id)
        .where(Prediction.status == "queued", Prediction.workspace_id == workspace_id, free)
        .order_by(Prediction.id)
        .limit(limit)
    )
    return list(session.scalars(statement))
