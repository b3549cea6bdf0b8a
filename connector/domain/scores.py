"""What the live model makes of each example: its guess and how sure it is, to be searched by.

Worked out by a worker from embeddings that are kept, whenever another version goes live or a
picture comes in. Of pictures that a model has learned from it is surer than of new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Example, Image


@dataclass(frozen=True)
class Unscored:
    """An example of which the live version has not said anything yet."""

    id: str
    sha256: str


@dataclass(frozen=True)
class Score:
    """The label (its id) that a version finds likeliest, and how sure it is (0..1); None: neither,
    for what cannot be read.
    """

    example_id: str
    label_id: str | None
    confidence: float | None


def pending() -> ColumnElement[bool]:
    """Return the condition of classifiers with examples that their live version has not seen."""
    # Each part is a look into an index; as one inequality it would be a walk through all of it.
    return (
        Classifier.deleted_at.is_(None)
        & Classifier.live_version.is_not(None)
        & or_(
            *(
                exists().where(Example.classifier_id == Classifier.id, part)
                for part in (
                    Example.scored_version.is_(None),
                    Example.scored_version < Classifier.live_version,
                    Example.scored_version > Classifier.live_version,
                )
            )
        )
    )


def is_pending(session: Session, classifier: Classifier) -> bool:
    """Say whether a worker still has to look at some of the classifier's examples."""
    statement = select(Classifier.id).where(Classifier.id == classifier.id, pending())
    return session.scalars(statement).first() is not None


def next_ones(session: Session, classifier: Classifier, limit: int) -> list[Unscored]:
    """Return some examples that the live version has not seen."""
    number = classifier.live_version
    statement = (
        select(Example.id, Image.sha256)
        .join(Image, Image.id == Example.image_id)
        .where(
            Example.classifier_id == classifier.id,
            or_(
                Example.scored_version.is_(None),
                Example.scored_version < number,
                Example.scored_version > number,
            ),
        )
        .limit(limit)
    )
    return [Unscored(*row) for row in session.execute(statement)]


def write(session: Session, classifier_id: str, version: int, scores: Sequence[Score]) -> None:
    """Keep what `version` said, unless another one is live by now."""
    live = select(Classifier.live_version).where(Classifier.id == classifier_id)
    if session.scalar(live) != version:
        return
    session.execute(
        update(Example),
        [
            {
                "id": one.example_id,
                "guess_id": one.label_id,
                "confidence": one.confidence,
                "scored_version": version,
            }
            for one in scores
        ],
    )
