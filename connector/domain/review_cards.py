"""What a person is shown who is asked about a picture: why, the labels, what each looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Label, Prediction, Review
from connector.domain import aliases, nearest, reviews
from connector.domain.nearest import Like

# The likeliest labels come first, with so many labelled pictures beside each.
FIRST, BESIDE = 2, 3


@dataclass(frozen=True)
class Choice:
    """A label to choose: how sure the model is of it, and the examples most like the picture."""

    label: str
    confidence: float | None
    likes: Sequence[Like] = ()


@dataclass(frozen=True)
class Card:
    """A question as it is shown: the likeliest labels first, then the others as they are sorted."""

    review: Review
    prediction: Prediction
    classifier: Classifier
    first: Sequence[Choice]
    others: Sequence[Choice]

    @property
    def choices(self) -> list[Choice]:
        """All of them, in the order of the keys 1 to 9."""
        return [*self.first, *self.others]


def card(session: Session, workspace_id: str, review_id: str, *, examples: bool = True) -> Card:
    """Return what is shown of a question. Raises NotFound.

    `examples`: with the labelled pictures beside, which are not for everybody's eyes.
    """
    review, prediction = reviews.get_review(session, workspace_id, review_id)
    classifier = session.get_one(Classifier, prediction.classifier_id)
    names = list(
        session.scalars(
            select(Label.name).where(Label.classifier_id == classifier.id).order_by(Label.position)
        )
    )
    sure = _probabilities(review, prediction, classifier)
    # A sort keeps the order of labels of which nothing is known.
    likeliest = sorted(names, key=lambda name: -sure.get(name, -1.0))
    first = likeliest[:FIRST] if sure else []
    likes = nearest.nearest(session, prediction, first, BESIDE) if examples and first else {}
    choices = {name: Choice(name, sure.get(name), likes.get(name, ())) for name in names}
    rest = likeliest[len(first) :]
    return Card(
        review, prediction, classifier, [choices[n] for n in first], [choices[n] for n in rest]
    )


def _probabilities(
    review: Review, prediction: Prediction, classifier: Classifier
) -> dict[str, float]:
    """Return what the model thinks, by the names that labels have now."""
    found: dict[str, float] = {}
    for name, value in (prediction.probabilities or {}).items():
        now = aliases.renamed_since(name, review.created_at, classifier.aliases)
        if now is not None:
            found[now] = found.get(now, 0.0) + float(value)
    return found
