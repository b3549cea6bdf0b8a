"""Messages that ask, on their way: whoever holds a row of asking posts and changes its messages.

Before a message is posted its row is committed, and after that where it is. Who dies in between
posts it again: at least once, never lost. Its buttons answer the same question.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from connector.db.insert import insert_missing
from connector.db.session import now
from connector.db.tables import Asking, Classifier, Prediction, Review, SlackQuestion
from connector.db.types import utcnow
from connector.domain import asking, asking_messages, leases, overdue, slack_replies
from connector.ids import new_id
from connector.settings import Settings

# What is counted beyond this is "or more".
MOST_COUNTED = 1000


def of_use(session: Session, settings: Settings) -> list[str]:
    """Return the ids of rows of asking with something to do that nobody holds."""
    moment = now(session)
    return [
        row.id
        for row in session.scalars(select(Asking).order_by(Asking.id))
        if (row.lease_until is None or row.lease_until < moment)
        and has_work(session, settings, row)
    ]


def any_work(session: Session, settings: Settings) -> bool:
    """Say whether something is to be said in Slack or done about overdue questions."""
    return slack_replies.any_due(session) or bool(of_use(session, settings))


def has_work(session: Session, settings: Settings, row: Asking) -> bool:
    """Say whether something is to be sent or settled for this row now."""
    if overdue.any_due(session, settings, row):
        return True
    if not can_send(session, settings, row):
        return False
    pending = select(SlackQuestion.id).where(
        SlackQuestion.asking_id == row.id, SlackQuestion.due | (SlackQuestion.state == "posting")
    )
    if session.scalars(pending.limit(1)).first() is not None:
        return True
    if not asks(row):
        return False
    waits = session.scalars(_waiting(row).limit(1)).first() is not None
    if room(session, row):
        return waits or row.summary_count > 0
    return waits and row.summary_ts is None


def can_send(session: Session, settings: Settings, row: Asking) -> bool:
    """Say whether Slack can be used for this row now."""
    rests = row.paused_until is not None and row.paused_until > now(session)
    # Where a person switched it off, messages that are there still show their answers.
    refused = not row.enabled and row.error_code is not None
    return bool(settings.slack_token) and not refused and not rests


def asks(row: Asking) -> bool:
    """Say whether new questions are posted by this row."""
    return row.own and row.enabled and row.channel is not None


def claim(
    session: Session, settings: Settings, seconds: float
) -> tuple[leases.Claim, Asking] | None:
    """Claim one row that has something to do, None when there is none."""
    for asking_id in of_use(session, settings):
        found = leases.claim(session, Asking, Asking.id == asking_id, limit=1, seconds=seconds)
        if found.ids:
            return found, session.get_one(Asking, asking_id, populate_existing=True)
    return None


def room(session: Session, row: Asking) -> int:
    """Return how many more questions may be open in the channel."""
    statement = (
        select(func.count(SlackQuestion.id))
        .join(Review, Review.id == SlackQuestion.review_id)
        .join(Prediction, Prediction.id == Review.prediction_id)
        .join(Classifier, Classifier.id == Prediction.classifier_id)
        .where(
            SlackQuestion.asking_id == row.id,
            SlackQuestion.state.in_(("posting", "open")),
            Classifier.deleted_at.is_(None),
        )
    )
    return max(0, row.most_open - session.execute(statement).scalar_one())


def count_waiting(session: Session, row: Asking) -> int:
    """Return how many questions wait that no message asks, up to MOST_COUNTED."""
    found = _waiting(row).limit(MOST_COUNTED).subquery()
    return session.execute(select(func.count()).select_from(found)).scalar_one()


def _waiting(row: Asking) -> Select[str]:
    """The open questions of a row that no message asks, the oldest first."""
    posted = exists().where(SlackQuestion.review_id == Review.id)
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
            Classifier.deleted_at.is_(None),
            asking.scope(row),
            ~posted,
        )
        .order_by(Prediction.id)
    )


def plan(session: Session, claim: leases.Claim) -> list[str]:
    """Write down which questions are asked now; return all that are still to be posted.

    Raises LostLease.
    """
    row = asking_messages.mine(session, claim)
    if asks(row):
        for review_id in session.scalars(_waiting(row).limit(room(session, row))).all():
            add(session, row, review_id, row.channel or "", "asked")
    statement = select(SlackQuestion.id).where(
        SlackQuestion.asking_id == row.id, SlackQuestion.state == "posting"
    )
    return list(session.scalars(statement.order_by(SlackQuestion.id)))


def add(session: Session, row: Asking, review_id: str, channel: str, place: str) -> None:
    """Write down that a question is to be asked in a channel; once in each place."""
    values = {
        "id": new_id("slq"),
        "workspace_id": row.workspace_id,
        "asking_id": row.id,
        "review_id": review_id,
        "place": place,
        "state": "posting",
        "channel": channel,
        "due": False,
        "attempts": 0,
        "created_at": utcnow(),
    }
    insert_missing(session, SlackQuestion, values, ["review_id", "place"])


def release(session: Session, claim: leases.Claim) -> None:
    """Give the row back."""
    leases.release(session, Asking, claim)


def subjects(session: Session, row: Asking) -> Iterator[str]:
    """Yield what the row's summaries speak of: its classifier, or the workspace's."""
    if row.classifier_id is None:
        yield "All classifiers"
    else:
        yield session.get_one(Classifier, row.classifier_id).name
