"""Questions to people: listed, answered once, and what follows from the answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connector.db import tallies
from connector.db.session import afterwards
from connector.db.tables import Classifier, Label, Prediction, Review
from connector.db.types import utcnow
from connector.domain import (
    aliases,
    audit_log,
    changes,
    contradictions,
    examples,
    looks,
    promises,
    resources,
)
from connector.domain.contradictions import Contradiction
from connector.domain.decisions import Recorder
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import BadRequest, Conflict, NotFound, Unprocessable
from connector.logs import note
from connector.settings import Settings

logger = logging.getLogger(__name__)

STATES = ("open", "answered")
KINDS = ("question", "audit")


@dataclass(frozen=True)
class Answered:
    """A review that a person answered, and what else was said of the picture before, if so."""

    review: Review
    contradiction: Contradiction | None


def list_reviews(
    session: Session,
    workspace_id: str,
    *,
    state: str | None = "open",
    kind: str | None = None,
    classifier_id: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Review]:
    """Return a page of reviews, the oldest question first. Raises BadRequest."""
    statement = select(Review).where(Review.workspace_id == workspace_id)
    if state is not None:
        if state not in STATES:
            raise BadRequest(f"state is one of {', '.join(STATES)}.", code="bad_state")
        statement = statement.where(Review.state == state)
    if kind is not None:
        if kind not in KINDS:
            raise BadRequest(f"kind is one of {', '.join(KINDS)}.", code="bad_kind")
        statement = statement.where(Review.kind == kind)
    if classifier_id is not None:
        statement = statement.join(Prediction).where(Prediction.classifier_id == classifier_id)
    return page(session, statement, Review.id, cursor=cursor, limit=limit, newest_first=False)


def get_review(session: Session, workspace_id: str, review_id: str) -> tuple[Review, Prediction]:
    """Return a review and its prediction. Raises NotFound."""
    row = session.get(Review, review_id)
    if row is None or row.workspace_id != workspace_id:
        raise NotFound(f"There is no review {review_id} here.")
    return row, session.get_one(Prediction, row.prediction_id)


def answer(
    session: Session,
    settings: Settings,
    workspace_id: str,
    review_id: str,
    label: str,
    by: str,
) -> Answered:
    """A person decides: the answer acts like the model's would have, and becomes an example.

    An audit's answer stands already, so nothing is decided again; it tells how the model does, and
    a person who disagrees is kept as `corrected_label`. A name that the label had when the question
    was asked will do. Raises NotFound, Unprocessable for an unknown label, Conflict when somebody
    was quicker.
    """
    review, prediction = get_review(session, workspace_id, review_id)
    classifier = changes.hold(session, prediction.classifier_id)
    _hold(session, prediction)
    chosen = _label(session, classifier, review, label)
    _take(session, review, chosen.name, by)
    recorder = Recorder(session, settings)
    contradiction = add_example(session, prediction, chosen, review.kind)
    if review.kind == "audit":
        _audited(session, classifier, prediction, chosen.name)
    else:
        prediction.label = chosen.name
        recorder.decide(prediction, "person")
        _settle_copies(session, recorder, prediction, chosen.name, by)
    _tell(recorder, review, prediction)
    _log(session, review)
    after = audit_log.brief(review, "kind", "label", "answered_by", "prediction_id")
    audit_log.note_in(session, classifier, "review.answered", review.id, after=after)
    return Answered(review, contradiction)


def _hold(session: Session, prediction: Prediction) -> Prediction:
    """See it as it is now, until the end: a callback that is added meanwhile must not be missed."""
    session.refresh(prediction, with_for_update=True)
    return prediction


def _log(session: Session, review: Review) -> None:
    asked = (review.answered_at or utcnow()) - review.created_at
    told = partial(
        note,
        logger,
        "answered by a person",
        review_id=review.id,
        prediction_id=review.prediction_id,
        workspace_id=review.workspace_id,
        took_ms=round(1000 * asked.total_seconds()),
    )
    afterwards(session, told)


def _tell(recorder: Recorder, review: Review, prediction: Prediction) -> None:
    emitter = recorder.emitter(prediction.workspace_id)
    if emitter.listens("review.answered"):
        shown = resources.review(review, prediction, recorder.public_url)
        emitter.emit("review.answered", shown)


def _settle_copies(
    session: Session, recorder: Recorder, answered: Prediction, label: str, by: str
) -> None:
    """Nobody is asked about a copy of what was just answered: it obeys as one that comes later."""
    for review_id in looks.questions_about_copies(
        session, answered.classifier_id, answered.image_id
    ):
        review = session.get_one(Review, review_id)
        copy = _hold(session, session.get_one(Prediction, review.prediction_id))
        # Answers of one classifier wait for each other, so nobody can be quicker.
        _take(session, review, label, by)
        copy.label, copy.twin_of = label, answered.id
        recorder.decide(copy, "person")
        _tell(recorder, review, copy)
        _log(session, review)


def _audited(session: Session, classifier: Classifier, prediction: Prediction, label: str) -> None:
    stood = prediction.label
    if stood is not None and prediction.decided_at is not None:
        # The same label by another name is no mistake of the model's.
        stood = aliases.renamed_since(stood, prediction.decided_at, classifier.aliases)
    if label != stood:
        prediction.corrected_label = label
    promises.judge_again(session, classifier)


def _label(session: Session, classifier: Classifier, review: Review, name: str) -> Label:
    labels = {
        label.name: label
        for label in session.scalars(select(Label).where(Label.classifier_id == classifier.id))
    }
    if name not in labels:
        renamed = aliases.renamed_since(name, review.created_at, classifier.aliases)
        name = name if renamed is None else renamed
    if name not in labels:
        known = ", ".join(f"“{known}”" for known in sorted(labels))
        raise Unprocessable(
            f"“{name}” is not a label of this classifier; its labels are: {known}.",
            code="unknown_label",
        )
    return labels[name]


def _take(session: Session, review: Review, label: str, by: str) -> None:
    """Answer it in one conditional step: of two people at once, one wins."""
    taken = session.execute(
        update(Review)
        .where(Review.id == review.id, Review.state == "open")
        .values(state="answered", label=label, answered_by=by, answered_at=utcnow())
        .returning(Review.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    session.refresh(review)
    tallies.add(session, "reviews_answered", kind=review.kind)
    if taken is None:
        raise Conflict(
            f"{review.answered_by} answered this already: “{review.label}”.",
            code="already_answered",
        )


def add_example(
    session: Session, prediction: Prediction, label: Label, kind: str
) -> Contradiction | None:
    """Make the picture an example; what a person says of it counts, wherever it came from first.

    The classifier is held. `kind`: of the review, "question" or "audit".
    """
    origin = "audit" if kind == "audit" else "review"
    added = examples.place(
        session, prediction.classifier_id, prediction.image_id, label, prediction.name, origin
    )
    added.example.origin = origin
    if added.learnable:
        changes.note(session, prediction.classifier_id)
    return added.contradiction or _near_identical(session, prediction, label)


def _near_identical(session: Session, prediction: Prediction, label: Label) -> Contradiction | None:
    found = looks.labelled_otherwise(
        session, prediction.classifier_id, prediction.image_id, label.id
    )
    if found is None:
        return None
    return contradictions.near_identical(found.example_id, found.label, label.name)
