"""Actions on their way: journalled, finished once, taken back on request."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.db import tallies
from connector.db.session import afterwards, now, want
from connector.db.tables import Action, Prediction, UndoItem
from connector.db.types import utcnow
from connector.domain import (
    audit_log,
    digests,
    images,
    leases,
    predictions,
    resources,
    written,
)
from connector.domain.outbound import Emitter
from connector.errors import ColabelError, Conflict, LostLease, NotFound
from connector.logs import note

logger = logging.getLogger(__name__)

# Waits between attempts at an action that may yet succeed (a full disk, a server that is away).
RETRY_SECONDS = (2, 10, 60, 300, 1800, 3600, 3 * 3600)
MOST_SECONDS = 24 * 3600
STRIKES = 5


def journal(session: Session, claim: leases.Claim, entries: dict[str, Any]) -> None:
    """Keep what an action noted on its way. Raises LostLease when it is no longer ours."""
    if not leases.write(session, Action, claim, journal=entries):
        raise _lost(claim)
    written.remember(session, claim.ids[0], entries)


def finish(
    session: Session, claim: leases.Claim, detail: dict[str, Any], location: dict[str, Any] | None
) -> Action:
    """The action is done; `location`: where the picture is now, None when it has not moved.

    Nothing is rung for: the drain that finished this looks for the picture's next action itself.
    """
    action = _mine(session, claim)
    undoing = action.undo_requested_at is not None
    action.status = "undone" if undoing else "done"
    action.detail = {**action.detail, "undo": detail} if undoing else detail
    action.error_code = action.error = None
    _close(action)
    _count_finished(session, action)
    if location is not None:
        prediction = session.get_one(Prediction, action.prediction_id)
        prediction.location = location
    return action


def fail(session: Session, claim: leases.Claim, error: ColabelError, public_url: str) -> Action:
    """An attempt failed: try again later, or give up and tell."""
    action = _mine(session, claim)
    action.attempts += 1
    action.error_code, action.error = error.code, error.detail
    action.lease_token = action.lease_until = None
    wait = retry_wait(error, action.attempts)
    final = "no" if wait is not None else "yes"
    tallies.add(session, "failures", what="action", code=error.code, final=final)
    if wait is not None:
        action.due_at = now(session) + timedelta(seconds=wait)
        return action
    if action.undo_requested_at is not None:
        # What was done stays done; the reason stands beside it.
        action.undo_requested_at = None
        action.pending, action.attempts = False, 0
        tallies.add(session, "actions", kind=action.kind, outcome="undo_refused")
        stays = {action.id, *(_abandon_undo(session, action) if moves(action.kind) else ())}
        _drop_waiting(session, action, stays)
        return action
    action.status = "failed"
    _close(action)
    tallies.add(session, "actions", kind=action.kind, outcome="failed")
    _skip_rest(session, action)
    tell(session, action, public_url)
    return action


def retry_wait(error: ColabelError, attempts: int) -> int | None:
    """Return the seconds until the next attempt, or None to give up.

    What a server asked for by Retry-After is heeded, up to a day.
    """
    if error.permanent or attempts > len(RETRY_SECONDS):
        return None
    return max(RETRY_SECONDS[attempts - 1], min(error.retry_after or 0, MOST_SECONDS))


def _mine(session: Session, claim: leases.Claim) -> Action:
    if not leases.held(session, Action, claim):
        raise _lost(claim)
    return session.get_one(Action, claim.ids[0])


def _lost(claim: leases.Claim) -> LostLease:
    return LostLease(f"The action {claim.ids[0]} was taken over by another worker.")


def _close(action: Action) -> None:
    action.pending = False
    action.lease_token = action.lease_until = None
    action.finished_at = utcnow()


def _count_finished(session: Session, action: Action) -> None:
    """Count an effect, and how long it took since it was decided or its undoing was asked for."""
    since = action.undo_requested_at or action.created_at
    seconds = max(0.0, (utcnow() - since).total_seconds())
    tallies.add(session, "actions", kind=action.kind, outcome=action.status)
    tallies.observe(session, "action_seconds", seconds, kind=action.kind)
    told = partial(
        note,
        logger,
        f"{action.kind} {action.status}",
        action_id=action.id,
        prediction_id=action.prediction_id,
        workspace_id=action.workspace_id,
        took_ms=round(1000 * seconds),
    )
    afterwards(session, told)


def _skip_rest(session: Session, failed: Action) -> None:
    """What the same rule wanted to do next built on this one."""
    skipped: Any = session.execute(
        update(Action)
        .where(
            Action.prediction_id == failed.prediction_id,
            Action.rule_id == failed.rule_id,
            Action.sequence > failed.sequence,
            Action.status == "planned",
        )
        .values(
            status="failed",
            pending=False,
            error_code="step_before_failed",
            error="Not tried, because the action before it in the same rule failed.",
            finished_at=utcnow(),
        )
        .execution_options(synchronize_session=False)
    )
    code, count = "step_before_failed", skipped.rowcount
    tallies.add(session, "failures", count, what="action", code=code, final="yes")
    want(session, "act")


def _abandon_undo(session: Session, refused: Action) -> Sequence[str]:
    """Earlier actions cannot be taken back while this one stands; return which."""
    return session.scalars(
        update(Action)
        .where(
            Action.prediction_id == refused.prediction_id,
            Action.sequence < refused.sequence,
            Action.undo_requested_at.is_not(None),
            Action.pending,
        )
        .values(
            pending=False,
            undo_requested_at=None,
            error_code=refused.error_code,
            error=f"Not undone, because a later action could not be: {refused.error}",
        )
        .returning(Action.id)
        .execution_options(synchronize_session=False)
    ).all()


def _drop_waiting(session: Session, refused: Action, stays: Collection[str]) -> None:
    """What was to be done once all of an undo is undone is not done, since some of it stays."""
    waiting = session.scalars(
        select(Action).where(
            Action.prediction_id == refused.prediction_id,
            Action.status == "planned",
            Action.after_undo.is_not(None),
        )
    ).all()
    for action in waiting:
        its_own = select(UndoItem.action_id).where(
            UndoItem.undo_id == action.after_undo, UndoItem.action_id.in_(stays)
        )
        if session.scalars(its_own.limit(1)).first() is not None:
            give_up(
                action,
                "put_right_refused",
                f"Not done, because what was done before could not be undone: {refused.error}",
            )


def give_up(action: Action, code: str, sentence: str) -> None:
    """A planned action that nobody has begun is not done."""
    action.status, action.error_code, action.error = "failed", code, sentence
    _close(action)


def tell(session: Session, action: Action, public_url: str) -> None:
    """Emit action.failed, if anybody wants to know."""
    emitter = Emitter(session, action.workspace_id)
    if emitter.listens("action.failed"):
        prediction = session.get_one(Prediction, action.prediction_id)
        shown = {
            **resources.action(action),
            "prediction": resources.prediction(session, prediction, public_url),
        }
        emitter.emit("action.failed", shown)


def get_action(session: Session, workspace_id: str, action_id: str) -> Action:
    """Return one action. Raises NotFound, for somebody else's too."""
    row = session.get(Action, action_id)
    if row is None or row.workspace_id != workspace_id:
        raise NotFound(f"There is no action {action_id} here.")
    return row


def request_undo(session: Session, workspace_id: str, action_id: str) -> Action:
    """Ask for an action to be taken back; a worker does it. Raises NotFound, Conflict, Gone."""
    action = get_action(session, workspace_id, action_id)
    # Nobody may finish its undoing between what is read here and what is written.
    session.refresh(action, with_for_update=True)
    if action.status == "undone" or (action.pending and action.undo_requested_at is not None):
        return action
    if action.status == "waiting":
        digests.take_out(session, action)
        return action
    done = select(Action).where(
        Action.prediction_id == action.prediction_id, Action.status == "done"
    )
    ask(session, action, session.scalars(done))
    return action


def ask(session: Session, action: Action, done: Iterable[Action]) -> None:
    """Have an action taken back. `done`: what was done to its picture. Raises Conflict, Gone.

    What later actions build on stays, unless they are being taken back too: ask for those first.
    """
    _check_undoable(action)
    if takes_bytes(action):
        images.hold(session, session.get_one(Prediction, action.prediction_id))
    for other in done:
        later = other.sequence > action.sequence and other.status == "done"
        if later and moves(other.kind) and other.undo_requested_at is None:
            raise Conflict(
                f"A later action of the same picture ({other.kind}, {other.id}) builds on this; "
                f"undo that first, or all of them: POST /api/v1/predictions/"
                f"{action.prediction_id}/undo.",
                code="undo_later_first",
            )
    _request(session, action)


def request_undo_all(session: Session, workspace_id: str, prediction_id: str) -> list[Action]:
    """Ask for everything done to a picture to be taken back, the last first.

    Raises NotFound, Gone.
    """
    prediction = predictions.get(session, workspace_id, prediction_id)
    taken_out = _take_out_all(session, prediction_id)
    rows = session.scalars(
        select(Action)
        .where(Action.prediction_id == prediction_id, Action.status == "done")
        .order_by(Action.sequence.desc())
        .with_for_update()
    ).all()
    undoable = [row for row in rows if action_kinds.get_action(row.kind).undoable]
    if any(takes_bytes(row) for row in undoable):
        images.hold(session, prediction)
    for row in undoable:
        if not row.pending:
            _request(session, row)
    return [*undoable, *taken_out]


def _take_out_all(session: Session, prediction_id: str) -> list[Action]:
    """Take a picture's alerts out of the digests that are not being sent yet."""
    statement = select(Action).where(
        Action.prediction_id == prediction_id, Action.status == "waiting"
    )
    taken_out = []
    for action in session.scalars(statement.order_by(Action.sequence.desc())).all():
        with suppress(Conflict):
            digests.take_out(session, action)
            taken_out.append(action)
    return taken_out


def takes_bytes(action: Action) -> bool:
    """Say whether the picture that we hold is needed to undo this.

    Where it was the only one before, undoing takes the last copy away.
    """
    before = action.location_before or {}
    return before.get("kind") == "held" or action_kinds.get_action(action.kind).undo_takes_bytes


def _check_undoable(action: Action) -> None:
    if action.status != "done":
        raise Conflict(
            f"Only an action that was done can be undone; this one is {action.status}.",
            code="not_undoable",
        )
    if not action_kinds.get_action(action.kind).undoable:
        raise Conflict(
            f"An action of the kind “{action.kind}” cannot be undone; what it sent is sent.",
            code="not_undoable",
        )


def moves(kind: str) -> bool:
    """Say whether later actions of a picture build on one of this kind."""
    return kind != "copy" and action_kinds.get_action(kind).undoable


def _request(session: Session, action: Action) -> None:
    action.undo_requested_at = utcnow()
    action.pending, action.due_at = True, now(session)
    action.attempts = action.strikes = 0
    action.error_code = action.error = None
    after = audit_log.brief(action, "kind", "prediction_id")
    audit_log.note(session, action.workspace_id, "action.undo_requested", action.id, after=after)
    want(session, "act")
