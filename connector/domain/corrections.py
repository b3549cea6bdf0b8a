"""A person takes an answer back and gives another: by the road of any correction.

What followed from the first answer is put right, for its copies too; the new one counts from now
on. The question does not open again: whoever was told of the first answer is told of the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Prediction, Review
from connector.db.types import utcnow
from connector.domain import asking, audit_log, changes, putting_right, reviews
from connector.domain.decisions import Recorder
from connector.errors import Conflict, Forbidden
from connector.settings import Settings

# Copies that one answer settled, and that are put right together.
MOST_COPIES = 500


@dataclass(frozen=True)
class Followed:
    """How many actions are undone, stay done although they should not, and are planned."""

    undone: int = 0
    kept: int = 0
    planned: int = 0


@dataclass(frozen=True)
class Corrected:
    """A review with its new answer, and what follows: as in `Followed`."""

    review: Review
    undone: int = 0
    kept: int = 0
    planned: int = 0


@dataclass(frozen=True)
class By:
    """Who corrects: their name and id, and whether they may correct what others answered."""

    name: str
    person_id: str
    anybodys: bool = False


def correct(
    session: Session,
    settings: Settings,
    workspace_id: str,
    review_id: str,
    label: str | None,
    by: By,
) -> Corrected:
    """Put another answer in the place of one that was given; None is none of the labels.

    Raises NotFound; Conflict for a question that is open still, and what putting right raises;
    Forbidden for somebody else's answer; Unprocessable for an unknown label.
    """
    review, prediction = reviews.get_review(session, workspace_id, review_id)
    classifier = changes.hold(session, prediction.classifier_id)
    session.refresh(review)
    if review.state == "open":
        raise Conflict("Nobody has answered this question yet; answer it.", code="not_answered")
    if review.person_id != by.person_id and not by.anybodys:
        raise Forbidden(
            f"{review.answered_by} gave this answer; ask them, or a member of the workspace, to "
            "change it.",
            code="not_your_answer",
        )
    chosen = None if label is None else reviews.find_label(session, classifier, review, label)
    name = None if chosen is None else chosen.name
    if name == review.label and review.state == "answered":
        return Corrected(review)
    if name == review.label:
        # A policy had said so; from now on a person does.
        reviews.learn(session, prediction, chosen, review.kind)
        prediction.decided_by = "person"
        copies: list[Prediction] = []
        begun: list[putting_right.Begun] = []
    elif review.kind == "audit":
        reviews.learn(session, prediction, chosen, review.kind)
        reviews.note_audit(session, classifier, prediction, name)
        copies, begun = [], []
    else:
        copies = _copies(session, prediction)
        begun = [_put_right(session, one, name, by.name) for one in (prediction, *copies)]
    before = audit_log.brief(review, "label", "answered_by")
    concerned = _reviews_of(session, review, copies)
    for one in concerned:
        one.state = "answered"
        one.label, one.answered_by, one.person_id = name, by.name, by.person_id
        one.answered_at = utcnow()
    session.flush()
    asking.note_changed(session, [one.id for one in concerned])
    after = audit_log.brief(review, "label", "answered_by")
    audit_log.note_in(
        session, classifier, "review.corrected", review.id, before=before, after=after
    )
    reviews.tell(Recorder(session, settings), review, prediction)
    followed = _followed(begun)
    return Corrected(review, followed.undone, followed.kept, followed.planned)


def correct_picture(
    session: Session,
    settings: Settings,
    workspace_id: str,
    prediction_id: str,
    label: str,
    by: By,
) -> Followed:
    """Give a picture another answer, whoever gave the one that stands; what follows is put right.

    A person's answer to a question is corrected as such, with its copies; any other, and what was
    put right since, is put right for this picture alone. Raises as `correct` and
    `putting_right.begin`.
    """
    asked = select(Review).where(
        Review.workspace_id == workspace_id,
        Review.prediction_id == prediction_id,
        Review.kind == "question",
        Review.state == "answered",
    )
    review = session.scalars(asked).first()
    if review is not None and review.label != label:
        done = correct(session, settings, workspace_id, review.id, label, by)
        return Followed(done.undone, done.kept, done.planned)
    return _followed([putting_right.begin(session, workspace_id, prediction_id, label, by.name)])


def _followed(begun: Sequence[putting_right.Begun]) -> Followed:
    return Followed(
        undone=sum(len(one.remedy.undo) + len(one.remedy.cancel) for one in begun),
        kept=sum(len(one.remedy.cannot_undo) for one in begun),
        planned=sum(len(one.planned) for one in begun),
    )


def _put_right(
    session: Session, prediction: Prediction, label: str | None, by: str
) -> putting_right.Begun:
    if label is None:
        return putting_right.withdraw(session, prediction.workspace_id, prediction.id, by)
    return putting_right.begin(session, prediction.workspace_id, prediction.id, label, by)


def _copies(session: Session, prediction: Prediction) -> list[Prediction]:
    """Return near-identical pictures that obeyed this answer, themselves or through a copy."""
    found: dict[str, Prediction] = {}
    asked = [prediction.id]
    while asked and len(found) < MOST_COPIES:
        statement = select(Prediction).where(
            Prediction.twin_of.in_(asked),
            Prediction.classifier_id == prediction.classifier_id,
            Prediction.status == "done",
            Prediction.id.not_in([prediction.id, *found]),
        )
        fresh = session.scalars(statement.order_by(Prediction.id).limit(MOST_COPIES)).all()
        found |= {one.id: one for one in fresh}
        asked = [one.id for one in fresh]
    return list(found.values())


def _reviews_of(session: Session, review: Review, copies: Sequence[Prediction]) -> list[Review]:
    """Return the review and those of copies that were settled with it."""
    statement = select(Review).where(
        Review.prediction_id.in_([one.id for one in copies]),
        Review.kind == "question",
        Review.state == "answered",
    )
    return [review, *(session.scalars(statement) if copies else ())]
