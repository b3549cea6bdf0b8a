"""Alerts told together: windows that open with a message, and what is gathered in them.

Within a window a rule's receiver gets no second message; what came meanwhile leaves as one digest
when it ends. Who is in a digest is fixed in the transaction that claims it for sending, so that a
picture is in one message, or in the same one again after a crash between sending and noting it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from connector.actions.base import Window
from connector.db.session import alone, now
from connector.db.tables import Action, Digest, Prediction
from connector.db.types import utcnow
from connector.domain import leases
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import Conflict, LostLease, NotFound

RULE_GONE = "Not sent: the rule was deleted before its digest was."
TAKEN_OUT = "Taken out of the digest before it was sent."


def may_tell(session: Session, claim: leases.Claim, window: Window) -> bool:
    """Say whether an alert may go out on its own now; if so, its window opens with it.

    An alert that has opened a window may do so again, after a crash say. Raises LostLease.
    """
    action = _mine(session, claim)
    _take_turns(session, action.rule_id, window.target)
    opened = _gathering(session, action.rule_id, window.target)
    if opened is not None and opened.due_at <= now(session) and not has_any(session, opened):
        # The clock has only not come to it yet.
        drop(session, opened)
        opened = None
    if opened is not None:
        return opened.first_action_id == action.id
    being_sent = select(Digest.id).where(
        _of(action.rule_id, window.target), Digest.status == "sending"
    )
    if session.scalars(being_sent).first() is not None:
        return False
    _open(session, action, window, first_action_id=action.id)
    return True


def gather(session: Session, claim: leases.Claim, detail: dict[str, Any], window: Window) -> Action:
    """Let an alert wait for the digest of its window, which opens if there is none.

    Raises LostLease.
    """
    action = _mine(session, claim)
    _take_turns(session, action.rule_id, window.target)
    digest = _gathering(session, action.rule_id, window.target)
    if digest is None:
        digest = _open(session, action, window)
    elif digest.params != action.params:
        digest.params = action.params
    action.status, action.pending = "waiting", False
    action.digest_id, action.due_at = digest.id, digest.due_at
    action.detail = detail
    action.error_code = action.error = None
    action.lease_token = action.lease_until = None
    return action


def take_out(session: Session, action: Action) -> None:
    """Take a waiting alert out of its digest. Raises Conflict once that is being sent."""
    digest = session.scalars(
        select(Digest)
        .where(Digest.id == action.digest_id, Digest.status == "open")
        .with_for_update(of=Digest)
    ).first()
    # Somebody may have been quicker before the lock was ours.
    session.refresh(action)
    if action.status == "undone":
        return
    if digest is None or action.status != "waiting":
        raise Conflict(
            "The digest with this alert is being sent or was sent; what it sent is sent.",
            code="not_undoable",
        )
    action.status, action.digest_id = "undone", None
    action.detail = {**action.detail, "undo": {"note": TAKEN_OUT}}
    action.finished_at = utcnow()


def cancel_rule(session: Session, rule_id: str) -> None:
    """The rule is gone: send nothing of what waits for its digests."""
    statement = select(Digest).where(Digest.rule_id == rule_id, Digest.status == "open")
    for digest in session.scalars(statement.with_for_update(of=Digest)).all():
        cancel(session, digest)


def cancel(session: Session, digest: Digest) -> None:
    """Send nothing of an open digest; the caller holds its lock."""
    if not has_any(session, digest):
        drop(session, digest)
        return
    close(digest, "cancelled")
    settle(session, digest.id, status="undone", error_code="rule_deleted", error=RULE_GONE)


def drop(session: Session, digest: Digest) -> None:
    """Forget a window in which nothing has come; the caller holds its lock."""
    session.delete(digest)
    session.flush()


def settle(session: Session, digest_id: str, **values: Any) -> None:
    """Set columns of all alerts that wait for this digest, which ends their waiting."""
    _waiting(session, digest_id, finished_at=utcnow(), **values)


def has_any(session: Session, digest: Digest) -> bool:
    """Say whether anything waits for this digest."""
    statement = select(Action.id).where(Action.digest_id == digest.id, Action.status == "waiting")
    return session.scalars(statement.limit(1)).first() is not None


def next_window(session: Session, digest: Digest) -> None:
    """A message has just left: the next window opens, unless one is open already."""
    _take_turns(session, digest.rule_id, digest.target)
    if _gathering(session, digest.rule_id, digest.target) is not None:
        return
    session.add(
        Digest(
            workspace_id=digest.workspace_id,
            classifier_id=digest.classifier_id,
            rule_id=digest.rule_id,
            target=digest.target,
            params=digest.params,
            seconds=digest.seconds,
            due_at=now(session) + timedelta(seconds=digest.seconds),
        )
    )
    session.flush()


def reopen(session: Session, digest: Digest, due_at: datetime) -> None:
    """Gather again until `due_at`: what came while it could not be sent joins it."""
    _take_turns(session, digest.rule_id, digest.target)
    other = _gathering(session, digest.rule_id, digest.target)
    if other is not None:
        _waiting(session, other.id, digest_id=digest.id)
        drop(session, other)
    digest.status, digest.due_at = "open", due_at
    digest.lease_token = digest.lease_until = None
    _waiting(session, digest.id, due_at=due_at, error_code=digest.error_code, error=digest.error)


def get_digest(session: Session, workspace_id: str, digest_id: str) -> Digest:
    """Return one digest. Raises NotFound, for somebody else's too."""
    row = session.get(Digest, digest_id)
    if row is None or row.workspace_id != workspace_id:
        raise NotFound(f"There is no digest {digest_id} here; see GET /api/v1/digests.")
    return row


def list_digests(
    session: Session,
    workspace_id: str,
    *,
    status: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Digest]:
    """Return a page of digests, the newest first, without the windows in which nothing came."""
    some = select(Action.id).where(Action.digest_id == Digest.id).exists()
    statement = select(Digest).where(Digest.workspace_id == workspace_id, some)
    if status is not None:
        statement = statement.where(Digest.status == status)
    return page(session, statement, Digest.id, cursor=cursor, limit=limit)


def _waiting(session: Session, waited_for: str, /, **values: Any) -> None:
    session.execute(
        update(Action)
        .where(Action.digest_id == waited_for, Action.status == "waiting")
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _gathering(session: Session, rule_id: str, target: str) -> Digest | None:
    """Return the open digest, locked: nobody claims it for sending before we commit."""
    statement = select(Digest).where(_of(rule_id, target), Digest.status == "open")
    return session.scalars(statement.with_for_update(of=Digest)).first()


def _of(rule_id: str, target: str) -> ColumnElement[bool]:
    return (Digest.rule_id == rule_id) & (Digest.target == target)


def _take_turns(session: Session, rule_id: str, target: str) -> None:
    alone(session, f"digest {rule_id} {target}")


def _mine(session: Session, claim: leases.Claim) -> Action:
    if not leases.held(session, Action, claim):
        raise LostLease(f"The action {claim.ids[0]} was taken over by another worker.")
    return session.get_one(Action, claim.ids[0])


def _open(
    session: Session, action: Action, window: Window, first_action_id: str | None = None
) -> Digest:
    prediction = session.get_one(Prediction, action.prediction_id)
    digest = Digest(
        workspace_id=action.workspace_id,
        classifier_id=prediction.classifier_id,
        rule_id=action.rule_id,
        target=window.target,
        params=action.params,
        seconds=window.seconds,
        first_action_id=first_action_id,
        due_at=now(session) + timedelta(seconds=window.seconds),
    )
    session.add(digest)
    session.flush()
    return digest


def close(digest: Digest, status: str) -> None:
    """End a digest, and the hold that somebody had on it."""
    digest.status, digest.finished_at = status, utcnow()
    digest.lease_token = digest.lease_until = None
