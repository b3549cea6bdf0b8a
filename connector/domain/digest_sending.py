"""Digests on their way: claimed when their window ends, sent by the caller, recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from connector.db.session import now, want
from connector.db.tables import Action, Classifier, Digest, Image, Prediction, Rule
from connector.domain import digests, effects, leases
from connector.errors import ColabelError, LostLease

FIRST_FEW = 5


@dataclass(frozen=True)
class Member:
    """One of the alerts in a digest, and the picture that it is about."""

    message: str
    prediction: Prediction
    sha256: str


@dataclass(frozen=True)
class Summary:
    """What a digest tells: how many, of which labels, from when to when, and the first few."""

    count: int
    labels: Sequence[tuple[str, int]]
    start: datetime | None
    end: datetime | None
    first: Sequence[Member]


@dataclass(frozen=True)
class Bundle:
    """A digest that this worker holds, with all that sending it takes."""

    claim: leases.Claim
    digest: Digest
    classifier: Classifier
    summary: Summary

    @property
    def suspect(self) -> bool:
        """Say whether a worker died while it held this digest."""
        return self.digest.strikes > 0

    @property
    def message_id(self) -> str:
        """The message's own id: the same when the same pictures are sent again after a crash."""
        return f"{self.digest.id}-{self.digest.attempts + 1}"


def due(session: Session) -> ColumnElement[bool]:
    """Return the condition of digests whose window is over, or whose sender has died."""
    ended = and_(Digest.status == "open", Digest.due_at <= now(session))
    return or_(ended, Digest.status == "sending")


def claim(session: Session, *, limit: int, seconds: float, suspects: int) -> list[Bundle]:
    """Claim up to `limit` digests that are due; what is in them is fixed from now on.

    Of those that a worker died with, at most `suspects` are among them. Windows in which nothing
    came are forgotten, and what a rule that is gone gathered is not sent.
    """
    died_with = or_(Digest.strikes > 0, Digest.lease_token.is_not(None))
    bundles: list[Bundle] = []
    for condition, most in ((died_with, min(suspects, limit)), (~died_with, limit)):
        most = min(most, limit - len(bundles))
        if most > 0:
            found = leases.claim(
                session,
                Digest,
                and_(condition, due(session)),
                limit=most,
                seconds=seconds,
                order_by=Digest.due_at,
            )
            bundles += _bundles(session, found)
    return bundles


def _bundles(session: Session, found: leases.Claim) -> list[Bundle]:
    if not found.ids:
        return []
    statement = (
        select(Digest)
        .where(Digest.id.in_(found.ids))
        .order_by(Digest.due_at)
        .execution_options(populate_existing=True)
    )
    bundles = []
    for digest in session.scalars(statement).all():
        classifier = session.get_one(Classifier, digest.classifier_id)
        if not _in_force(session, digest, classifier):
            digests.cancel(session, digest)
        elif not digests.has_any(session, digest):
            digests.drop(session, digest)
        else:
            died = found.abandoned & {digest.id}
            digest.status = "sending"
            digest.strikes += len(died)
            mine = leases.Claim((digest.id,), found.token, died)
            bundles.append(Bundle(mine, digest, classifier, summary(session, digest.id)))
    return bundles


def _in_force(session: Session, digest: Digest, classifier: Classifier) -> bool:
    statement = select(Rule.id).where(Rule.rule_id == digest.rule_id, Rule.current)
    return classifier.deleted_at is None and session.scalars(statement).first() is not None


def summary(session: Session, digest_id: str) -> Summary:
    """Return what a digest tells; without times while there is nothing in it."""
    mine = Action.digest_id == digest_id
    joined = select(Prediction.label, func.count()).join(
        Action, Action.prediction_id == Prediction.id
    )
    labels = session.execute(joined.where(mine).group_by(Prediction.label)).all()
    counted = sorted(((label or "", count) for label, count in labels), key=_most_first)
    span = select(func.min(Action.created_at), func.max(Action.created_at)).where(mine)
    start, end = session.execute(span).one()
    few = (
        select(Action, Prediction, Image.sha256)
        .join(Prediction, Prediction.id == Action.prediction_id)
        .join(Image, Image.id == Prediction.image_id)
        .where(mine)
        .order_by(Action.id)
        .limit(FIRST_FEW)
    )
    first = [
        Member(str(action.detail.get("message", "")), prediction, sha256)
        for action, prediction, sha256 in session.execute(few)
    ]
    return Summary(sum(count for _, count in counted), counted, start, end, first)


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    label, count = counted
    return -count, label


def finish(session: Session, claim: leases.Claim, detail: dict[str, Any]) -> Digest:
    """The message has left: all in it are done, and the next window opens. Raises LostLease."""
    digest = _mine(session, claim)
    digest.detail, digest.error_code, digest.error = detail, None, None
    digests.close(digest, "sent")
    session.flush()
    digests.settle(session, digest.id, status="done", error_code=None, error=None)
    digests.next_window(session, digest)
    return digest


def fail(session: Session, claim: leases.Claim, error: ColabelError, public_url: str) -> Digest:
    """It could not be sent: gather on and try again later, or give up and tell.

    Raises LostLease.
    """
    digest = _mine(session, claim)
    digest.attempts += 1
    digest.error_code, digest.error = error.code, error.detail
    wait = effects.retry_wait(error, digest.attempts)
    if wait is not None:
        digests.reopen(session, digest, now(session) + timedelta(seconds=wait))
        return digest
    digests.close(digest, "failed")
    statement = select(Action).where(Action.digest_id == digest.id, Action.status == "waiting")
    for action in session.scalars(statement).all():
        action.status, action.error_code, action.error = "failed", error.code, error.detail
        action.finished_at = digest.finished_at
        effects.tell(session, action, public_url)
    want(session, "act")
    return digest


def _mine(session: Session, claim: leases.Claim) -> Digest:
    if not leases.held(session, Digest, claim):
        raise LostLease(f"The digest {claim.ids[0]} was taken over by another worker.")
    return session.get_one(Digest, claim.ids[0])
