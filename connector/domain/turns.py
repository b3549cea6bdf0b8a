"""Whose turn it is among the actions: claimed side by side for many pictures, in order for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from connector.db.session import now
from connector.db.tables import Action, Prediction
from connector.domain import leases


@dataclass(frozen=True)
class Turn:
    """An action that this worker holds, and the prediction whose picture it is done to."""

    claim: leases.Claim
    action: Action
    prediction: Prediction

    @property
    def suspect(self) -> bool:
        """Say whether a worker died while it held this action."""
        return self.action.strikes > 0


def _turn_has_come() -> Any:
    """Of one picture's actions each waits for the one before it; undoing goes the other way."""
    before, after, undoing = aliased(Action), aliased(Action), aliased(Action)
    planned_before = exists().where(
        before.prediction_id == Action.prediction_id,
        before.sequence < Action.sequence,
        before.status == "planned",
    )
    any_undo = exists().where(
        undoing.prediction_id == Action.prediction_id,
        undoing.pending,
        undoing.undo_requested_at.is_not(None),
    )
    undoing_after = exists().where(
        after.prediction_id == Action.prediction_id,
        after.sequence > Action.sequence,
        after.pending,
        after.undo_requested_at.is_not(None),
    )
    return or_(
        and_(Action.undo_requested_at.is_(None), ~planned_before, ~any_undo),
        and_(Action.undo_requested_at.is_not(None), ~undoing_after),
    )


# Made once: building it takes longer than asking the database.
_TURN_HAS_COME = _turn_has_come()
_DIED_WITH = or_(Action.strikes > 0, Action.lease_token.is_not(None))


def ready(session: Session) -> Any:
    """Return the condition of actions whose turn has come: at most one for each picture.

    An action also waits while another of its picture is being worked on (an undo that was
    requested in the middle of it).
    """
    moment, other = now(session), aliased(Action)
    in_hand = exists().where(
        other.prediction_id == Action.prediction_id,
        other.id != Action.id,
        other.pending,
        other.lease_until >= moment,
    )
    return and_(Action.pending, Action.due_at <= moment, _TURN_HAS_COME, ~in_hand)


def claim(session: Session, *, limit: int, seconds: float, suspects: int) -> list[Turn]:
    """Claim up to `limit` actions that are ready, of as many pictures, the longest due first.

    Of those that a worker died with, at most `suspects` are among them: one that ends the worker
    each time must not do so beside the same others again and again, and have them blamed.
    """
    turns: list[Turn] = []
    for condition, most in ((_DIED_WITH, min(suspects, limit)), (~_DIED_WITH, limit)):
        most = min(most, limit - len(turns))
        if most > 0:
            found = leases.claim(
                session,
                Action,
                and_(condition, ready(session)),
                limit=most,
                seconds=seconds,
                order_by=Action.due_at,
            )
            turns += _turns(session, found)
    return turns


def _turns(session: Session, found: leases.Claim) -> list[Turn]:
    if not found.ids:
        return []
    statement = (
        select(Action, Prediction)
        .join(Prediction, Prediction.id == Action.prediction_id)
        .where(Action.id.in_(found.ids))
        .order_by(Action.due_at)
        .execution_options(populate_existing=True)
    )
    turns = []
    for action, prediction in session.execute(statement):
        died = found.abandoned & {action.id}
        if died:
            action.strikes += 1
        if action.location_before is None:
            action.location_before = prediction.location
        turns.append(Turn(leases.Claim((action.id,), found.token, died), action, prediction))
    return turns
