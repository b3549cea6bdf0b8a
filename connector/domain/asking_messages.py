"""What messages in Slack say and where they are: read by whoever sends them, then recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.asks.slack_messages import Choice, Outcome, Question
from connector.db.session import now
from connector.db.tables import Asking, Label, Review, SlackQuestion
from connector.db.types import utcnow
from connector.domain import asking, effects, leases, review_cards
from connector.errors import ColabelError, LostLease
from connector.settings import Settings
from connector.slack import Posted
from connector.slack_errors import SlackFailed, is_closed

# Changes of messages in one turn: the others' turn comes after.
MOST_CHANGES = 20
# A picture that Slack has just taken may not be ready to be shown yet.
TRIES = 4
# How many of the waits between attempts are gone through: the longest is five minutes.
LONGEST = 4


@dataclass(frozen=True)
class Message:
    """A message and all that it says; `image` is the hash of its picture, None where it went."""

    row: SlackQuestion
    question: Question
    outcome: Outcome | None
    image: str | None


def changed(session: Session, row: Asking) -> list[str]:
    """Return messages that show something else than what is known now."""
    statement = select(SlackQuestion.id).where(
        SlackQuestion.asking_id == row.id, SlackQuestion.due, SlackQuestion.ts.is_not(None)
    )
    return list(session.scalars(statement.order_by(SlackQuestion.id).limit(MOST_CHANGES)))


def message(session: Session, settings: Settings, question_id: str) -> Message:
    """Return a message and what it says now."""
    row = session.get_one(SlackQuestion, question_id)
    card = review_cards.card(session, row.workspace_id, row.review_id, examples=False)
    review, prediction = card.review, card.prediction
    asked = Question(
        review_id=review.id,
        classifier=card.classifier.name,
        name=prediction.name,
        reason=review.reason,
        choices=choices(session, card),
        url=f"{settings.public_url}/review/{review.id}",
    )
    outcome = None
    if review.state != "open":
        by = None if review.state == "settled" else review.answered_by or "Somebody"
        outcome = Outcome(review.label, by)
    image = None
    if prediction.image_deleted_at is None:
        image = prediction.image_id
    return Message(row, asked, outcome, image)


def choices(session: Session, card: review_cards.Card) -> list[Choice]:
    """Return the labels by id and name, the likeliest first."""
    statement = select(Label.name, Label.id).where(Label.classifier_id == card.classifier.id)
    ids: dict[str, str] = dict(session.execute(statement).all())
    return [Choice(ids[one.label], one.label) for one in likeliest(card)]


def likeliest(card: review_cards.Card) -> Sequence[review_cards.Choice]:
    """Return the choices by confidence, those of which nothing is known in their own order."""
    return sorted(card.choices, key=lambda one: -(one.confidence if one.confidence else 0.0))


def note_file(session: Session, claim: leases.Claim, question_id: str, file_id: str) -> None:
    """The picture is uploaded: it is not uploaded again. Raises LostLease."""
    mine(session, claim)
    session.get_one(SlackQuestion, question_id).file_id = file_id


def note_posted(session: Session, claim: leases.Claim, question_id: str, where: Posted) -> None:
    """The message is there; due, should it be answered since it was written. Raises LostLease."""
    row = mine(session, claim)
    sent = session.get_one(SlackQuestion, question_id)
    review = session.get_one(Review, sent.review_id)
    sent.channel_id, sent.ts, sent.posted_at = where.channel, where.ts, utcnow()
    sent.state, sent.due = "open", review.state != "open"
    sent.error_code = sent.error = None
    _well(row)


def note_needless(session: Session, claim: leases.Claim, question_id: str) -> None:
    """It was answered before it was asked here. Raises LostLease."""
    mine(session, claim)
    sent = session.get_one(SlackQuestion, question_id)
    sent.state, sent.due = "closed", False


def note_shown(session: Session, claim: leases.Claim, question_id: str, shown: Message) -> None:
    """The message says what is known. Raises LostLease."""
    row = mine(session, claim)
    sent = session.get_one(SlackQuestion, question_id)
    review = session.get_one(Review, sent.review_id)
    was = None if shown.outcome is None else (shown.outcome.label, shown.outcome.by)
    by = None if review.state == "settled" else review.answered_by
    # Corrected while it was being sent: once more.
    sent.due = was != (None if review.state == "open" else (review.label, by))
    sent.state = "open" if review.state == "open" else "closed"
    _well(row)


def _well(row: Asking) -> None:
    row.failures, row.paused_until = 0, None
    row.error_code = row.error = row.failed_at = None


def note_failed(
    session: Session, claim: leases.Claim, question_id: str | None, error: ColabelError
) -> bool:
    """Slack did not take something; say whether the turn may go on with the next message.

    Raises LostLease.
    """
    row = mine(session, claim)
    if is_closed(error):
        asking.switch_off(session, row, error)
        return False
    sent = None if question_id is None else session.get_one(SlackQuestion, question_id)
    if sent is not None and isinstance(error, SlackFailed) and error.permanent:
        sent.error_code, sent.error = error.code, error.detail
        sent.attempts += 1
        if error.extra.get("slack_error") != "invalid_blocks" or sent.attempts > TRIES:
            sent.due = False
            sent.state = "failed" if sent.ts is None else "closed"
            return True
        # Often its picture: Slack could not fetch it, or has it not ready yet.
        row.paused_until = now(session) + timedelta(seconds=effects.RETRY_SECONDS[0])
        return False
    row.failures += 1
    row.error_code, row.error, row.failed_at = error.code, error.detail, now(session)
    waits = effects.RETRY_SECONDS[:LONGEST]
    wait = waits[min(row.failures, len(waits)) - 1]
    asked = min(error.retry_after or 0, effects.MOST_SECONDS)
    row.paused_until = now(session) + timedelta(seconds=max(wait, asked))
    return False


def note_summary(session: Session, claim: leases.Claim, count: int, where: Posted | None) -> None:
    """The line says this number. Raises LostLease."""
    row = mine(session, claim)
    row.summary_count = count
    if where is not None:
        row.summary_channel, row.summary_ts = where.channel, where.ts


def forget_summary(row: Asking) -> None:
    """The line is gone; the next one is a message of its own."""
    row.summary_channel = row.summary_ts = None
    row.summary_count = 0


def mine(session: Session, claim: leases.Claim) -> Asking:
    """Return the row as it is now, held until the transaction ends. Raises LostLease."""
    if not leases.held(session, Asking, claim):
        raise LostLease(f"The asking {claim.ids[0]} was taken over by another worker.")
    return session.get_one(Asking, claim.ids[0], populate_existing=True)
