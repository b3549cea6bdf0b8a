"""Undos in bulk carried on: a few actions at a time are asked for, and what came of it is noted.

Nothing here is slow and nothing is remembered but in the database, so there is nothing to claim:
each step is one transaction, and whoever comes next goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import Action, Undo, UndoItem
from connector.db.types import utcnow
from connector.domain import effects
from connector.errors import ColabelError

# Of each undo, as many actions wait for workers at a time: what is due later than them, of whatever
# kind, waits for no more than these.
AT_A_TIME = 16
# Undos that are carried on in one step.
SIDE_BY_SIDE = 4
OPEN = ("waiting", "requested")


def _items(*conditions: Any) -> Any:
    return exists().where(UndoItem.undo_id == Undo.id, *conditions)


def unfinished() -> Any:
    """Return the condition of undos for which something is to be done here."""
    waiting = _items(UndoItem.state == "waiting")
    settled = _items(
        UndoItem.state == "requested", Action.id == UndoItem.action_id, ~Action.pending
    )
    under_way = _items(UndoItem.state == "requested")
    return and_(Undo.status == "running", or_(waiting, settled, ~under_way))


def carry_on(session: Session) -> int:
    """Ask for the next actions of each undo, note what was undone; return how much was moved."""
    statement = (
        select(Undo)
        .where(unfinished())
        .order_by(Undo.id)
        .limit(SIDE_BY_SIDE)
        .with_for_update(skip_locked=True, of=Undo)
    )
    moved = 0
    for undo in session.scalars(statement).all():
        moved += _settle(session, undo) + _hand_out(session, undo)
        session.flush()
        _close(session, undo)
    return moved


def _settle(session: Session, undo: Undo) -> int:
    """Note what became of the actions that were asked for."""
    statement = select(UndoItem, Action).join(Action, Action.id == UndoItem.action_id)
    statement = statement.where(
        UndoItem.undo_id == undo.id, UndoItem.state == "requested", ~Action.pending
    )
    rows = session.execute(statement).all()
    for item, action in rows:
        if action.status == "undone":
            item.state = "undone"
        else:
            _refuse(item, action.error_code or "undo_refused", action.error)
    return len(rows)


def _refuse(item: UndoItem, code: str, sentence: str | None) -> None:
    item.state, item.code = "refused", code
    item.error = sentence or "It could not be undone; look at the action."


def _hand_out(session: Session, undo: Undo) -> int:
    """Ask for what was done last, each picture's actions together, so that they keep in order."""
    room = AT_A_TIME - _in_hand(session, undo)
    if room <= 0:
        return 0
    waiting = UndoItem.undo_id == undo.id, UndoItem.state == "waiting"
    joined = select(Action.prediction_id).join(UndoItem, UndoItem.action_id == Action.id)
    pictures = set(session.scalars(joined.where(*waiting).order_by(UndoItem.rank).limit(room)))
    if not pictures:
        return 0
    done = _locked(session, pictures)
    by_id = {action.id: action for actions in done.values() for action in actions}
    found = session.scalars(select(UndoItem).where(*waiting, UndoItem.action_id.in_(by_id)))
    items = sorted(found, key=lambda item: by_id[item.action_id].sequence, reverse=True)
    for item in items:
        action = by_id[item.action_id]
        _ask(session, item, action, done[action.prediction_id])
    return len(items)


def only_retries(session: Session, undo_id: str) -> bool:
    """Say whether all that is left of an undo is tried again later, as while a disk is away."""
    left = UndoItem.undo_id == undo_id, UndoItem.action_id == Action.id
    retried = and_(UndoItem.state == "requested", Action.pending, Action.due_at > now(session))
    some = select(exists().where(*left, retried))
    others = select(exists().where(*left, UndoItem.state.in_(OPEN), not_(retried)))
    return bool(session.scalar(some)) and not session.scalar(others)


def _in_hand(session: Session, undo: Undo) -> int:
    """Count the actions that wait for workers; not those that are tried again later."""
    statement = select(func.count()).select_from(UndoItem)
    statement = statement.join(Action, Action.id == UndoItem.action_id).where(
        UndoItem.undo_id == undo.id,
        UndoItem.state == "requested",
        Action.pending,
        Action.due_at <= now(session),
    )
    return session.execute(statement).scalar_one()


def _locked(session: Session, pictures: set[str]) -> dict[str, list[Action]]:
    """Return all actions of these predictions as they are now, held until the transaction ends."""
    statement = select(Action).where(Action.prediction_id.in_(pictures)).order_by(Action.id)
    statement = statement.with_for_update().execution_options(populate_existing=True)
    found: dict[str, list[Action]] = {picture: [] for picture in pictures}
    for action in session.scalars(statement):
        found[action.prediction_id].append(action)
    return found


def _ask(session: Session, item: UndoItem, action: Action, others: Sequence[Action]) -> None:
    if action.status == "undone":
        item.state = "undone"
    elif action.pending and action.undo_requested_at is not None:
        item.state = "requested"
    else:
        try:
            effects.ask(session, action, others)
        except ColabelError as error:
            _refuse(item, error.code, error.detail)
        else:
            item.state = "requested"


def _close(session: Session, undo: Undo) -> None:
    is_open = UndoItem.undo_id == undo.id, UndoItem.state.in_(OPEN)
    if session.scalars(select(UndoItem.action_id).where(*is_open).limit(1)).first() is None:
        undo.status, undo.finished_at = "done", utcnow()
