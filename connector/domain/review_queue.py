"""Who is shown which question: short claims, so that two people never look at the same picture.

A claim hides a question from other people's pages and nothing else: whoever answers first is
heard, claim or not. It belongs to a session, so that two who share an account are kept apart, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from connector.db.insert import insert_missing
from connector.db.session import now
from connector.db.tables import Classifier, Prediction, Review, ReviewSkip
from connector.db.types import utcnow
from connector.domain import reviews

# Pages renew it while they are looked at; one that was left alone holds nobody up for long.
CLAIM = timedelta(seconds=60)
# What holds a picture up comes before what only looks an answer over.
ORDER = ("question", "audit")


@dataclass(frozen=True)
class Looker:
    """Somebody who answers questions: the session that shows them, and whose it is."""

    workspace_id: str
    session_id: str
    person_id: str


@dataclass(frozen=True)
class Waiting:
    """How many questions of a classifier are open."""

    classifier_id: str
    name: str
    count: int


def claim(
    session: Session,
    who: Looker,
    *,
    classifier_id: str | None = None,
    besides: Collection[str] = (),
    count: int = 1,
) -> list[str]:
    """Return up to `count` questions for `who` alone: those that they have already come first.

    Of one classifier or of all; without those in `besides` and those that they skipped.
    """
    wanted = _open_to(who, classifier_id, besides)
    found = _take(session, who, wanted.where(Review.claimed_by == who.session_id), count)
    moment = now(session)
    free = or_(Review.claimed_until.is_(None), Review.claimed_until < moment)
    for kind in ORDER:
        if len(found) < count:
            statement = wanted.where(free, Review.kind == kind, Review.id.not_in(found))
            found += _take(session, who, statement, count - len(found))
    return found


def claim_one(session: Session, who: Looker, review_id: str) -> bool:
    """Renew the claim on a question, or take it if nobody else has it; say whether we have it."""
    moment = now(session)
    mine_or_free = or_(
        Review.claimed_by == who.session_id,
        Review.claimed_until.is_(None),
        Review.claimed_until < moment,
    )
    statement = (
        update(Review)
        .where(Review.id == review_id, _of(who), mine_or_free)
        .values(claimed_by=who.session_id, claimed_until=moment + CLAIM)
        .returning(Review.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(statement).first() is not None


def lost(session: Session, who: Looker, review_ids: Sequence[str]) -> list[str]:
    """Renew the claims on these; return those that are no longer ours to answer."""
    return [one for one in review_ids if not claim_one(session, who, one)]


def release(session: Session, who: Looker, review_ids: Collection[str]) -> None:
    """Give these back, for whoever comes next; what others have stays theirs."""
    session.execute(
        update(Review)
        .where(Review.id.in_(review_ids), _of(who), Review.claimed_by == who.session_id)
        .values(claimed_by=None, claimed_until=None)
        .execution_options(synchronize_session=False)
    )


def skip(session: Session, who: Looker, review_id: str) -> None:
    """Leave a question to others: this person sees it again only when they ask for it.

    Raises NotFound.
    """
    reviews.get_review(session, who.workspace_id, review_id)
    row = {"review_id": review_id, "person_id": who.person_id, "created_at": utcnow()}
    insert_missing(session, ReviewSkip, row, ["review_id", "person_id"])
    release(session, who, [review_id])


def skipped(session: Session, who: Looker, classifier_id: str | None = None) -> int:
    """Return how many open questions this person skipped, of one classifier or of all."""
    statement = _all_open(who.workspace_id, classifier_id).where(_skipped(who))
    return session.execute(select(func.count()).select_from(statement.subquery())).scalar_one()


def see_again(session: Session, who: Looker) -> None:
    """Ask this person again what they skipped."""
    session.execute(delete(ReviewSkip).where(ReviewSkip.person_id == who.person_id))


def waiting(session: Session, workspace_id: str) -> list[Waiting]:
    """Return the classifiers that have open questions, the most first."""
    # Questions are counted where an index holds them and nothing else; audits are few.
    questions = (
        select(func.count())
        .where(
            Prediction.classifier_id == Classifier.id,
            Prediction.status == "needs_review",
        )
        .scalar_subquery()
    )
    audits = (
        select(Prediction.classifier_id, func.count().label("audits"))
        .join(Review, Review.prediction_id == Prediction.id)
        .where(Review.workspace_id == workspace_id, Review.state == "open", Review.kind == "audit")
        .group_by(Prediction.classifier_id)
        .subquery()
    )
    statement = (
        select(
            Classifier.id,
            Classifier.name,
            (questions + func.coalesce(audits.c.audits, 0)).label("open"),
        )
        .outerjoin(audits, audits.c.classifier_id == Classifier.id)
        .where(Classifier.workspace_id == workspace_id, Classifier.deleted_at.is_(None))
    )
    found = [Waiting(*row) for row in session.execute(statement) if row.open]
    return sorted(found, key=lambda one: (-one.count, one.classifier_id))


def held_by_others(session: Session, who: Looker, classifier_id: str | None = None) -> int:
    """Return how many open questions other people have before them just now."""
    statement = _all_open(who.workspace_id, classifier_id).where(
        Review.claimed_by.is_not(None),
        Review.claimed_by != who.session_id,
        Review.claimed_until >= now(session),
    )
    return session.execute(select(func.count()).select_from(statement.subquery())).scalar_one()


def _take(session: Session, who: Looker, statement: Select[str], count: int) -> list[str]:
    """Claim what a statement finds, in one step; rows that others take just now are passed over."""
    # Its rows are locked, so PostgreSQL works it out once; as a plain subquery it might not.
    found = (
        statement.order_by(Review.id)
        .limit(count)
        .with_for_update(skip_locked=True, of=Review)
        .cte("found")
    )
    taken = session.scalars(
        update(Review)
        .where(Review.id.in_(select(found.c.id)), Review.state == "open")
        .values(claimed_by=who.session_id, claimed_until=now(session) + CLAIM)
        .returning(Review.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(taken)


def _open_to(who: Looker, classifier_id: str | None, besides: Collection[str]) -> Select[str]:
    return _all_open(who.workspace_id, classifier_id).where(
        Review.id.not_in(besides), ~_skipped(who)
    )


def _all_open(workspace_id: str, classifier_id: str | None) -> Select[str]:
    statement = (
        select(Review.id)
        .join(Prediction, Prediction.id == Review.prediction_id)
        .join(Classifier, Classifier.id == Prediction.classifier_id)
        .where(
            Review.workspace_id == workspace_id,
            Review.state == "open",
            Classifier.deleted_at.is_(None),
        )
    )
    if classifier_id is None:
        return statement
    return statement.where(Prediction.classifier_id == classifier_id)


def _skipped(who: Looker) -> ColumnElement[bool]:
    return exists().where(ReviewSkip.review_id == Review.id, ReviewSkip.person_id == who.person_id)


def _of(who: Looker) -> ColumnElement[bool]:
    return and_(Review.workspace_id == who.workspace_id, Review.state == "open")
