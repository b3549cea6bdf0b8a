"""Questions to people: listed, answered once, and what follows from the answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from connector.db import tallies
from connector.db.session import afterwards
from connector.db.tables import Classifier, Label, Prediction, Review, ReviewSkip
from connector.db.types import utcnow
from connector.domain import (
    aliases,
    asking,
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

STATES = ("open", "answered", "settled")
# Who answered what was settled because nobody did in time.
POLICY = "policy"
KINDS = ("question", "audit")


@dataclass(frozen=True)
class Answered:
    """A review that a person answered, and what else was said of the picture before, if so."""

    review: Review
    contradiction: Contradiction | None


@dataclass(frozen=True)
class Said:
    """A person's answer: a label or none of them (None), and who gave it."""

    label: str | None
    by: str
    person_id: str | None

    def values(self) -> dict[str, str | None]:
        """The columns of a review that keep it; whoever had it before them has it no more."""
        return {
            "label": self.label,
            "answered_by": self.by,
            "person_id": self.person_id,
            "claimed_by": None,
            "claimed_until": None,
        }


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
    label: str | None,
    by: str,
    person_id: str | None = None,
) -> Answered:
    """A person decides: the answer acts like the model's would have, and becomes an example.

    A `label` of None says that it is none of them: no rule follows, and the picture waits among the
    examples for a label that is still to be made. An audit's answer stands already, so nothing is
    decided again; it tells how the model does, and a person who disagrees is kept as
    `corrected_label`. A name that the label had when the question was asked will do. Raises
    NotFound, Unprocessable for an unknown label, Conflict when somebody was quicker.
    """
    review, prediction = get_review(session, workspace_id, review_id)
    classifier = changes.hold(session, prediction.classifier_id)
    _hold(session, prediction)
    chosen = None if label is None else find_label(session, classifier, review, label)
    said = Said(None if chosen is None else chosen.name, by, person_id)
    _take(session, review, said)
    recorder = Recorder(session, settings)
    contradiction = learn(session, prediction, chosen, review.kind, by)
    if review.kind == "audit":
        note_audit(session, classifier, prediction, said.label)
    else:
        prediction.label = said.label
        recorder.decide(prediction, "person")
        _settle_copies(session, recorder, prediction, said)
    tell(recorder, review, prediction)
    _log(session, review)
    after = audit_log.brief(review, "kind", "label", "answered_by", "prediction_id")
    audit_log.note_in(session, classifier, "review.answered", review.id, after=after)
    return Answered(review, contradiction)


def settle(
    session: Session,
    recorder: Recorder,
    classifier: Classifier,
    review: Review,
    prediction: Prediction,
    label: str,
) -> bool:
    """Nobody answered in time: a policy decides, and it says so. The picture is no example.

    The classifier and the prediction are held. False: somebody was quicker.
    """
    if not _close(session, review, Said(label, POLICY, None), "settled"):
        return False
    prediction.label = label
    recorder.decide(prediction, POLICY)
    tell(recorder, review, prediction)
    after = audit_log.brief(review, "kind", "label", "answered_by", "prediction_id")
    audit_log.note_in(session, classifier, "review.settled", review.id, after=after)
    return True


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


def tell(recorder: Recorder, review: Review, prediction: Prediction) -> None:
    """Tell whoever listens what a person answered."""
    emitter = recorder.emitter(prediction.workspace_id)
    if emitter.listens("review.answered"):
        shown = resources.review(review, prediction, recorder.public_url)
        emitter.emit("review.answered", shown)


def _settle_copies(session: Session, recorder: Recorder, answered: Prediction, said: Said) -> None:
    """Nobody is asked about a copy of what was just answered: it obeys as one that comes later."""
    for review_id in looks.questions_about_copies(
        session, answered.classifier_id, answered.image_id
    ):
        review = session.get_one(Review, review_id)
        copy = _hold(session, session.get_one(Prediction, review.prediction_id))
        # Answers of one classifier wait for each other, so nobody can be quicker.
        _take(session, review, said)
        copy.label, copy.twin_of = said.label, answered.id
        recorder.decide(copy, "person")
        tell(recorder, review, copy)
        _log(session, review)


def note_audit(
    session: Session, classifier: Classifier, prediction: Prediction, label: str | None
) -> None:
    """Keep what a person said of an answer that stands; the classifier is held."""
    stood = prediction.label
    if stood is not None and prediction.decided_at is not None:
        # The same label by another name is no mistake of the model's.
        stood = aliases.renamed_since(stood, prediction.decided_at, classifier.aliases)
    prediction.corrected_label = label if label != stood else None
    promises.judge_again(session, classifier)


def find_label(session: Session, classifier: Classifier, review: Review, name: str) -> Label:
    """Return the label of that name, now or when it was asked for. Raises Unprocessable."""
    found = known_label(session, classifier, review, name)
    if found is None:
        names = select(Label.name).where(Label.classifier_id == classifier.id)
        known = ", ".join(f"“{known}”" for known in sorted(session.scalars(names)))
        raise Unprocessable(
            f"“{name}” is not a label of this classifier; its labels are: {known}.",
            code="unknown_label",
        )
    return found


def known_label(
    session: Session, classifier: Classifier, review: Review, name: str
) -> Label | None:
    """Return the label of that name, now or when it was asked for; None where there is none."""
    labels = {
        label.name: label
        for label in session.scalars(select(Label).where(Label.classifier_id == classifier.id))
    }
    if name not in labels:
        renamed = aliases.renamed_since(name, review.created_at, classifier.aliases)
        name = name if renamed is None else renamed
    return labels.get(name)


def _take(session: Session, review: Review, said: Said) -> None:
    """Answer it in one conditional step: of two people at once, one wins."""
    taken = _close(session, review, said, "answered")
    tallies.add(session, "reviews_answered", kind=review.kind)
    if not taken:
        raise already_answered(review)


def _close(session: Session, review: Review, said: Said, state: str) -> bool:
    taken = session.execute(
        update(Review)
        .where(Review.id == review.id, Review.state == "open")
        .values(state=state, answered_at=utcnow(), **said.values())
        .returning(Review.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    session.refresh(review)
    if taken is None:
        return False
    session.execute(delete(ReviewSkip).where(ReviewSkip.review_id == review.id))
    asking.note_changed(session, [review.id])
    return True


def already_answered(review: Review) -> Conflict:
    """Return the error for who comes second."""
    said = "none of the labels" if review.label is None else f"“{review.label}”"
    if review.state == "settled":
        return Conflict(
            f"Nobody answered in time, so that a policy settled this: {said}. A member can still "
            "change it.",
            code="already_answered",
        )
    return Conflict(f"{review.answered_by} answered this already: {said}.", code="already_answered")


def learn(
    session: Session,
    prediction: Prediction,
    label: Label | None,
    kind: str,
    by: str | None = None,
) -> Contradiction | None:
    """Make the picture an example of `label`, or of none of them yet. The classifier is held.

    `by`: who said so, where that is not whoever acts.
    """
    if label is not None:
        return add_example(session, prediction, label, kind, by)
    origin = "audit" if kind == "audit" else "review"
    placed = examples.place(
        session, prediction.classifier_id, prediction.image_id, None, prediction.name, origin
    )
    if placed.example.label_id is not None:
        # What a person says last counts, here as for any label.
        placed.example.label_id = placed.example.labelled_at = None
        placed.example.labelled_by = None
        changes.note(session, prediction.classifier_id)
    return None


def add_example(
    session: Session, prediction: Prediction, label: Label, kind: str, by: str | None = None
) -> Contradiction | None:
    """Make the picture an example; what a person says of it counts, wherever it came from first.

    The classifier is held. `kind`: of the review, "question" or "audit".
    """
    origin = "audit" if kind == "audit" else "review"
    added = examples.place(
        session, prediction.classifier_id, prediction.image_id, label, prediction.name, origin, by
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
