"""The desk at which questions are answered: what its pages and parts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from connector.db.tables import Review
from connector.domain import review_cards, review_queue, reviews
from connector.domain.review_cards import Card
from connector.domain.review_queue import Looker, Waiting
from connector.errors import NotFound
from connector.web.services import services
from connector.web.ui import visitors
from connector.web.ui.rendering import go, page

# Cards that a page may hold at once: the one that is shown and the one that comes next.
MOST_HELD = 4


def looker() -> Looker:
    """Return who is looking, for claims and skips."""
    who = visitors.person()
    return Looker(who.workspace_id, who.session_id, who.person_id)


@dataclass(frozen=True)
class Desk:
    """What lies on the desk: a card, or why there is none; and what else waits."""

    card: Card | None
    # The classifier whose questions alone are asked; empty: those of all.
    within: str
    waiting: list[Waiting]
    skipped: int
    elsewhere: int

    @property
    def total(self) -> int:
        """How many questions are open."""
        return count(self.waiting, self.within)


def count(waiting: list[Waiting], within: str) -> int:
    """Return how many of these questions are of the classifier `within`, or of all."""
    return sum(one.count for one in waiting if within in ("", one.classifier_id))


def claim(within: str, besides: list[str]) -> str | None:
    """Claim the next question; None when nothing is left for this person."""
    with services().database.write() as session:
        found = review_queue.claim(
            session, looker(), classifier_id=within or None, besides=besides[:MOST_HELD]
        )
    return found[0] if found else None


def lay(session: Session, within: str, claimed: str | None) -> Desk:
    """Return the desk with the card of a question that was claimed, or why there is none."""
    who = looker()
    card = None
    if claimed is not None:
        card = review_cards.card(session, who.workspace_id, claimed)
    waiting = review_queue.waiting(session, who.workspace_id)
    skipped = elsewhere = 0
    if card is None and waiting:
        skipped = review_queue.skipped(session, who, within or None)
        elsewhere = review_queue.held_by_others(session, who, within or None)
    return Desk(card, within, waiting, skipped, elsewhere)


def last_answered(session: Session) -> Review | None:
    """Return the review that the address calls the last one, if it was answered."""
    try:
        row, _ = reviews.get_review(session, visitors.workspace_id(), request.args.get("last", ""))
    except NotFound:
        return None
    return None if row.state == "open" else row


def show(template: str, within: str, **context: Any) -> Response:
    """Return the page of a desk."""
    claimed = claim(within, [])
    # Nobody waits for the examples to be compared, as they would for a transaction that writes.
    with services().database.read() as session:
        desk = lay(session, within, claimed)
        last = last_answered(session)
    return page(template, desk=desk, last=last, **context)


def go_on(within: str, **values: str) -> Response:
    """Lead on to the desk where somebody was."""
    if within:
        return go("classifier_review.show", classifier_id=within, **values)
    return go("review.show", **values)
