"""Questions that nobody answers in time: people are reminded, others asked, or a policy settles.

A settled question says so: it is "settled", decided by "policy", and teaches the model nothing. The
promise about errors is of answers that the model was sure of, and none of these is; where an error
rate is promised, nothing is settled at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import Asking, Classifier, Person, Prediction, Review, ReviewSkip
from connector.domain import asking, changes, promises, reviews
from connector.domain.decisions import Recorder
from connector.errors import ColabelError
from connector.settings import Settings
from connector.slack_errors import is_closed

# Questions in one transaction.
AT_ONCE = 50
# People who are reminded by e-mail.
MOST_TOLD = 50
# Reminders of one row are gathered: never more often than so.
GATHERED = timedelta(hours=1)


@dataclass(frozen=True)
class Done:
    """What was done about overdue questions in one go."""

    settled: int = 0
    passed: tuple[str, ...] = ()
    left: int = 0


def any_due(session: Session, settings: Settings, row: Asking) -> bool:
    """Say whether something is to be done about an overdue question of this row."""
    if not row.own or row.overdue_hours is None:
        return False
    if asking.overdue_of(row).do == asking.REMIND:
        return reminding_is_due(session, settings, row)
    # What is settled or passed on needs nobody outside.
    return session.scalars(_untreated(session, row).limit(1)).first() is not None


def reminding_is_due(session: Session, settings: Settings, row: Asking) -> bool:
    """Say whether people are to be reminded now, by any way that there is."""
    wanted = row.own and row.overdue_hours is not None
    if not wanted or asking.overdue_of(row).do != asking.REMIND or not ways(settings, row):
        return False
    moment = now(session)
    if row.paused_until is not None and row.paused_until > moment:
        return False
    if row.reminded_at is not None and row.reminded_at + GATHERED > moment:
        return False
    return session.scalars(_to_remind(session, row).limit(1)).first() is not None


def ways(settings: Settings, row: Asking) -> list[str]:
    """Return the ways by which people can be reminded: slack, email."""
    by_slack = bool(settings.slack_token and row.enabled and row.channel)
    by_mail = bool(settings.smtp_url and asking.overdue_of(row).email)
    return ["slack"] * by_slack + ["email"] * by_mail


def _open(session: Session, row: Asking) -> Select[str]:
    """The ids of the overdue questions of a row, the oldest first."""
    before = now(session) - timedelta(hours=row.overdue_hours or 0)
    return (
        select(Review.id)
        .join(Prediction, Prediction.id == Review.prediction_id)
        .join(Classifier, Classifier.id == Prediction.classifier_id)
        .where(
            Review.state == "open",
            Review.kind == "question",
            # Says the same of a question, and has an index by classifier.
            Prediction.status == "needs_review",
            Review.workspace_id == row.workspace_id,
            Review.created_at < before,
            Classifier.deleted_at.is_(None),
            asking.scope(row),
        )
        .order_by(Prediction.id)
    )


def _untreated(session: Session, row: Asking) -> Select[str]:
    return _open(session, row).where(Review.overdue_at.is_(None))


def _to_remind(session: Session, row: Asking) -> Select[str]:
    again = asking.overdue_of(row).again_hours
    if again is None:
        return _open(session, row).where(Review.reminded_at.is_(None))
    before = now(session) - timedelta(hours=again)
    return _open(session, row).where(or_(Review.reminded_at.is_(None), Review.reminded_at < before))


def count(session: Session, row: Asking, most: int) -> int:
    """Return how many questions are overdue, up to `most`."""
    return len(session.scalars(_open(session, row).limit(most)).all())


def treat(session: Session, settings: Settings, row: Asking) -> Done:
    """Settle overdue questions, or give them to others; at most AT_ONCE, the rest comes next.

    What is done is noted with it, so that it is done once.
    """
    policy = asking.overdue_of(row)
    if row.overdue_hours is None or policy.do == asking.REMIND:
        return Done()
    found = session.scalars(_untreated(session, row).limit(AT_ONCE)).all()
    if policy.do == asking.REASSIGN:
        return _pass_on(session, row, found)
    settled = sum(_settle(session, settings, row, one, policy) for one in found)
    return Done(settled=settled, left=len(found) - settled)


def _pass_on(session: Session, row: Asking, found: Sequence[str]) -> Done:
    """Nobody has them before them any more, and those who skipped them are asked again."""
    _note_overdue(session, found)
    session.execute(
        update(Review)
        .where(Review.id.in_(found))
        .values(claimed_by=None, claimed_until=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(delete(ReviewSkip).where(ReviewSkip.review_id.in_(found)))
    return Done(passed=tuple(found))


def _note_overdue(session: Session, found: Sequence[str] | Select[str]) -> None:
    """Note of these that they are overdue, since now as far as anybody was told."""
    session.execute(
        update(Review)
        .where(Review.id.in_(found), Review.overdue_at.is_(None))
        .values(overdue_at=now(session))
        .execution_options(synchronize_session=False)
    )


def _settle(
    session: Session, settings: Settings, row: Asking, review_id: str, policy: asking.Overdue
) -> bool:
    """Settle one question, if the policy has a label for it; else it stays open, marked overdue."""
    _note_overdue(session, [review_id])
    review = session.get_one(Review, review_id)
    prediction = session.get_one(Prediction, review.prediction_id)
    classifier = changes.hold(session, prediction.classifier_id)
    label = _label(session, classifier, review, prediction, policy)
    if label is None:
        return False
    session.refresh(prediction, with_for_update=True)
    return reviews.settle(
        session, Recorder(session, settings), classifier, review, prediction, label
    )


def _label(
    session: Session,
    classifier: Classifier,
    review: Review,
    prediction: Prediction,
    policy: asking.Overdue,
) -> str | None:
    if classifier.promise["kind"] in promises.GUARANTEED:
        # Promised since the policy was chosen: it counts no more.
        return None
    best, sure = prediction.label, prediction.confidence or 0.0
    if best is not None and policy.min_confidence is not None and sure >= policy.min_confidence:
        known = reviews.known_label(session, classifier, review, best)
        if known is not None:
            return known.name
    if policy.otherwise is None:
        return None
    known = reviews.known_label(session, classifier, review, policy.otherwise)
    return None if known is None else known.name


def note_reminded(session: Session, row: Asking) -> None:
    """People were reminded of all that is overdue now."""
    row.reminded_at = now(session)
    session.flush()
    found = _open(session, row).order_by(None)
    _note_overdue(session, found)
    session.execute(
        update(Review)
        .where(Review.id.in_(found))
        .values(reminded_at=row.reminded_at)
        .execution_options(synchronize_session=False)
    )


def note_not_reminded(session: Session, row: Asking, error: ColabelError) -> None:
    """Nobody could be reminded: it is tried again with the next, in an hour."""
    row.reminded_at = now(session)
    if is_closed(error):
        asking.switch_off(session, row, error)
    else:
        row.error_code, row.error, row.failed_at = error.code, error.detail, now(session)


def reviewers(session: Session, workspace_id: str) -> list[str]:
    """Return the addresses of those who answer questions in a workspace: all who may log in."""
    statement = select(Person.email).where(
        Person.workspace_id == workspace_id, Person.disabled_at.is_(None)
    )
    return list(session.scalars(statement.order_by(Person.id).limit(MOST_TOLD)))
