"""How people are asked: a classifier's own way, or the workspace's default; and turning it off."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, select, update
from sqlalchemy.orm import Session

from connector.db.session import now, want
from connector.db.tables import Asking, Classifier, Prediction, Review, SlackQuestion
from connector.db.types import Json
from connector.domain import audit_log, classifiers, promises
from connector.errors import ColabelError, Unprocessable

logger = logging.getLogger(__name__)

REMIND, REASSIGN, SETTLE = "remind", "reassign", "settle"
DOINGS = (REMIND, REASSIGN, SETTLE)
MOST_OPEN, MOST_CHANNEL = 50, 80
LEAST_HOURS, MOST_HOURS = 0.25, 24.0 * 90
JOB = "ask"
_AUDITED = ("own", "channel", "enabled", "most_open", "overdue_hours", "overdue")


@dataclass(frozen=True)
class Overdue:
    """What is done about questions that nobody answers in time.

    remind: again after `again_hours`, None for once; by e-mail, too, where `email`. reassign: asked
    once more in `channel`, and of those who skipped them. settle: the model's likeliest label from
    `min_confidence` on, else `otherwise`; None leaves the question open.
    """

    do: str = REMIND
    again_hours: float | None = None
    email: bool = False
    channel: str | None = None
    min_confidence: float | None = None
    otherwise: str | None = None

    def kept(self) -> Json:
        """Return it in the form it is kept in."""
        return dict(vars(self))


@dataclass(frozen=True)
class Wanted:
    """How people are to be asked."""

    channel: str | None = None
    enabled: bool = True
    most_open: int = 5
    overdue_hours: float | None = None
    overdue: Overdue = Overdue()


def overdue_of(row: Asking) -> Overdue:
    """Return what a row says about overdue questions."""
    return Overdue(**row.overdue)


def own(session: Session, classifier_id: str) -> Asking | None:
    """Return the row of a classifier, if it has one that counts."""
    statement = select(Asking).where(Asking.classifier_id == classifier_id, Asking.own)
    return session.scalars(statement).first()


def default(session: Session, workspace_id: str) -> Asking | None:
    """Return the workspace's default, if it has one that counts."""
    statement = select(Asking).where(
        Asking.workspace_id == workspace_id, Asking.classifier_id.is_(None), Asking.own
    )
    return session.scalars(statement).first()


def of(session: Session, classifier: Classifier) -> Asking | None:
    """Return the row by which people are asked about a classifier, if there is any."""
    return own(session, classifier.id) or default(session, classifier.workspace_id)


def save(session: Session, classifier: Classifier, wanted: Wanted) -> Asking:
    """Ask about this classifier in a way of its own. Raises Unprocessable (bad_asking and others).

    Whatever had switched it off is taken to be put right.
    """
    check(session, classifier, wanted)
    row = session.scalars(select(Asking).where(Asking.classifier_id == classifier.id)).first()
    if row is None:
        row = Asking(workspace_id=classifier.workspace_id, classifier_id=classifier.id, own=False)
    return _set(session, row, wanted, classifier.id)


def save_default(session: Session, workspace_id: str, wanted: Wanted) -> Asking:
    """Ask so about all classifiers that have no way of their own. Raises Unprocessable."""
    check(session, None, wanted)
    statement = select(Asking).where(
        Asking.workspace_id == workspace_id, Asking.classifier_id.is_(None)
    )
    row = session.scalars(statement).first() or Asking(workspace_id=workspace_id, own=False)
    return _set(session, row, wanted, workspace_id)


def follow_default(session: Session, classifier: Classifier) -> None:
    """Ask about this classifier as the workspace does."""
    row = own(session, classifier.id)
    if row is not None:
        row.own = False
        audit_log.note_in(
            session,
            classifier,
            "asking.changed",
            classifier.id,
            before={"own": True},
            after={"own": False},
        )
        _look_again(session, row)


def _set(session: Session, row: Asking, wanted: Wanted, resource_id: str) -> Asking:
    fresh = row not in session
    before = None if fresh else audit_log.brief(row, *_AUDITED)
    if row.channel != wanted.channel:
        row.summary_channel = row.summary_ts = None
        row.summary_count = 0
    row.own = True
    row.channel, row.enabled, row.most_open = wanted.channel, wanted.enabled, wanted.most_open
    row.overdue_hours, row.overdue = wanted.overdue_hours, wanted.overdue.kept()
    row.error_code = row.error = row.failed_at = row.paused_until = None
    row.failures = 0
    session.add(row)
    session.flush()
    audit_log.note(
        session,
        row.workspace_id,
        "asking.changed",
        resource_id,
        classifier_id=row.classifier_id,
        before=before,
        after=audit_log.brief(row, *_AUDITED),
    )
    _look_again(session, row)
    return row


def _look_again(session: Session, row: Asking) -> None:
    """What was answered while nothing could be sent is shown now."""
    answered = exists().where(Review.id == SlackQuestion.review_id, Review.state != "open")
    session.execute(
        update(SlackQuestion)
        .where(SlackQuestion.asking_id == row.id, SlackQuestion.state == "open", answered)
        .values(due=True)
        .execution_options(synchronize_session=False)
    )
    want(session, JOB)


def check(session: Session, classifier: Classifier | None, wanted: Wanted) -> None:
    """Raise Unprocessable for what cannot be: bad_asking, unknown_label, settle_breaks_promise."""
    for channel in (wanted.channel, wanted.overdue.channel):
        if channel is not None and not _may_be_channel(channel):
            raise _bad(f"A channel is its name, as #sorting, or its id; {channel!r} is neither.")
    if not 1 <= wanted.most_open <= MOST_OPEN:
        raise _bad(f"Between 1 and {MOST_OPEN} questions can be open in a channel at once.")
    _check_hours("A question is overdue", wanted.overdue_hours)
    _check_hours("People are reminded again", wanted.overdue.again_hours)
    if wanted.overdue.do not in DOINGS:
        raise _bad(f"About overdue questions one of {', '.join(DOINGS)} is done.")
    if wanted.overdue_hours is not None and wanted.overdue.do == SETTLE:
        _check_settling(session, classifier, wanted.overdue)


def _check_settling(session: Session, classifier: Classifier | None, overdue: Overdue) -> None:
    least = overdue.min_confidence
    if least is not None and not 0 <= least <= 1:
        raise _bad("The confidence from which the model's label stands is between 0 and 1.")
    if least is None and overdue.otherwise is None:
        raise _bad("To settle questions, name a confidence for the model's label, or a label.")
    if classifier is None:
        if overdue.otherwise is not None:
            raise _bad(
                "The workspace's default cannot name a label, as each classifier has its own."
            )
        return
    if overdue.otherwise is not None:
        classifiers.find_label(session, classifier, overdue.otherwise)
    if classifier.promise["kind"] in promises.GUARANTEED:
        raise Unprocessable(
            "An error rate is promised for this classifier, and nobody can promise anything about "
            "questions that no person answers; remind people, or promise no error rate.",
            code="settle_breaks_promise",
        )


def _check_hours(what: str, hours: float | None) -> None:
    if hours is not None and not LEAST_HOURS <= hours <= MOST_HOURS:
        raise _bad(f"{what} after {LEAST_HOURS:g} to {MOST_HOURS:,.0f} hours.")


def _may_be_channel(text: str) -> bool:
    plain = text.removeprefix("#")
    return 0 < len(plain) <= MOST_CHANNEL and plain.isprintable() and not set(plain) & set(" ,<>#")


def _bad(sentence: str) -> Unprocessable:
    return Unprocessable(sentence, code="bad_asking")


def scope(row: Asking) -> ColumnElement[bool]:
    """Return the condition of predictions about which people are asked by this row."""
    if not row.own:
        return Prediction.id.is_(None)
    if row.classifier_id is not None:
        return Prediction.classifier_id == row.classifier_id
    with_own = select(Asking.classifier_id).where(
        Asking.workspace_id == row.workspace_id, Asking.own, Asking.classifier_id.is_not(None)
    )
    return and_(
        Prediction.workspace_id == row.workspace_id, Prediction.classifier_id.not_in(with_own)
    )


def note_changed(session: Session, review_ids: Collection[str]) -> None:
    """The answers of these questions changed: the messages that ask them are to say so."""
    changed = session.execute(
        update(SlackQuestion)
        .where(SlackQuestion.review_id.in_(review_ids), SlackQuestion.ts.is_not(None))
        .values(due=True)
        .returning(SlackQuestion.id)
        .execution_options(synchronize_session=False)
    ).first()
    if changed is not None:
        want(session, JOB)


def switch_off(session: Session, row: Asking, error: ColabelError) -> None:
    """Slack takes nothing more until somebody puts it right: ask on the pages alone."""
    row.enabled = False
    row.error_code, row.error, row.failed_at = error.code, error.detail, now(session)
    logger.error("asking in Slack (%s) is switched off: %s", row.channel, error.detail)
    audit_log.note(
        session,
        row.workspace_id,
        "asking.switched_off",
        row.classifier_id or row.workspace_id,
        classifier_id=row.classifier_id,
        after={"channel": row.channel, "error": error.detail},
    )


def resource(row: Asking | None) -> dict[str, Any] | None:
    """Return what the API shows of how people are asked."""
    if row is None:
        return None
    return {
        "own": row.classifier_id is not None,
        "slack_channel": row.channel,
        "enabled": row.enabled,
        "most_open": row.most_open,
        "overdue_hours": row.overdue_hours,
        "overdue": row.overdue,
        "error": None
        if row.error_code is None
        else {"code": row.error_code, "detail": row.error or ""},
    }
