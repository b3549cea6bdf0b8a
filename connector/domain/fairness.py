"""Whose pictures come next: a workspace that sends thousands must not hold up its neighbours.

Every workspace with pictures in the queue gets the same share of each batch, and what one leaves of
its share the others get. With one workspace alone the order is that of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from math import ceil
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import Prediction

# Workspaces that share a batch. Of more, those after the one that waits longest.
MOST = 32


class Turn(NamedTuple):
    """Predictions whose turn it is, and whether only short lines were served, the long ones not."""

    ids: list[str]
    express: bool = False


def in_turn(session: Session, limit: int, *, express: bool = False) -> Turn | None:
    """Return up to `limit` queued predictions that nobody holds, in fair shares.

    With `express`, whole lines that are shorter than their share come by themselves, where there
    is a longer one: a batch that is over at once. Who asks for that must not ask twice in a row, or
    the long lines would starve. None when all of them are one workspace's.
    """
    workspaces = list(_waiting(session))
    if len(workspaces) < 2:
        return None
    moment, left = now(session), limit
    lines = sorted((_line(session, name, limit, moment) for name in workspaces), key=len)
    short = [line for line in lines if 0 < len(line) < limit / len(lines)]
    if express and short and len(lines[-1]) >= limit / len(lines):
        return Turn(list(chain.from_iterable(short)), express=True)
    chosen: list[str] = []
    # The shortest lines first: what they leave is shared among the longer ones.
    for place, line in enumerate(lines):
        share = ceil(left / (len(lines) - place))
        chosen += line[:share]
        left = limit - len(chosen)
    return Turn(chosen)


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
