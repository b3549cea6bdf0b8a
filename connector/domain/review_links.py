"""Signed links that ask one question: for mails, chats and tools, without an account.

A link is a key to one picture and its labels and to nothing else. To look at it changes nothing;
who sends its form answers, and with that it is used up: a question is answered once.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from connector.db.tables import Prediction, Review
from connector.domain import audit_log, reviews
from connector.errors import Gone, NotFound
from connector.secret_key import secret_key
from connector.settings import Settings

SALT = "review link"
HOURS, MOST_HOURS = 72, 24 * 30
# Who answered, where the link names nobody.
SOMEBODY = "somebody with a link"
PATH = "/answer/"


@dataclass(frozen=True)
class Made:
    """A link, and until when it works."""

    review: Review
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class Asked:
    """What a link asks: the question, its picture, and whom it was made for."""

    review: Review
    prediction: Prediction
    name: str


def make(
    session: Session,
    settings: Settings,
    workspace_id: str,
    review_id: str,
    *,
    name: str | None = None,
    hours: int = HOURS,
) -> Made:
    """Make a link to an open question, for `name`, who counts as the one who answers by it.

    Raises NotFound, and Conflict for a question that is answered.
    """
    review, prediction = reviews.get_review(session, workspace_id, review_id)
    if review.state != "open":
        raise reviews.already_answered(review)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
    content = [review.id, int(until.timestamp()), name or ""]
    token = str(_seal(settings).dumps(content))
    audit_log.note(
        session,
        workspace_id,
        "review.link_made",
        review.id,
        classifier_id=prediction.classifier_id,
        after={"for": name, "expires_at": until},
    )
    return Made(review, f"{settings.public_url}{PATH}{token}", until)


def look(session: Session, settings: Settings, token: str, workspace_id: str | None) -> Asked:
    """Return what a link asks, answered or not, and change nothing.

    `workspace_id`: of whoever is logged in, if anybody; a link of another one is none to them.
    Raises NotFound (unknown_link) and Gone (link_expired).
    """
    review_id, until, name = _opened(settings, token)
    try:
        review, prediction = _find(session, review_id)
    except NotFound:
        raise _unknown() from None
    if workspace_id not in (None, review.workspace_id):
        raise _unknown()
    if until <= time.time():
        raise Gone(
            "This link does not work any more; ask whoever sent it for a new one.",
            code="link_expired",
        )
    return Asked(review, prediction, name or SOMEBODY)


def answer(session: Session, settings: Settings, asked: Asked, label: str | None) -> None:
    """Answer by a link; None is none of the labels.

    Raises Gone (link_used) when the question is answered, Conflict when somebody is quicker,
    Unprocessable for an unknown label.
    """
    check_unused(asked)
    reviews.answer(
        session, settings, asked.review.workspace_id, asked.review.id, label, by=asked.name
    )


def check_unused(asked: Asked) -> None:
    """Raise Gone (link_used) for a question that is answered, by this link or otherwise."""
    if asked.review.state != "open":
        who = asked.review.answered_by
        said = asked.review.label
        given = "that it is none of the labels" if said is None else f"“{said}”"
        raise Gone(f"This is answered, thank you: {who} said {given}.", code="link_used")


def _find(session: Session, review_id: str) -> tuple[Review, Prediction]:
    row = session.get(Review, review_id)
    if row is None:
        raise _unknown()
    return reviews.get_review(session, row.workspace_id, review_id)


def _opened(settings: Settings, token: str) -> tuple[str, int, str]:
    try:
        review_id, until, name = _seal(settings).loads(token)
    except (BadData, ValueError, TypeError):
        raise _unknown() from None
    return str(review_id), int(until), str(name)


def _unknown() -> NotFound:
    return NotFound(
        "This link is not one we gave; look whether it was copied whole.", code="unknown_link"
    )


def _seal(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key(settings), salt=SALT, serializer=json)
