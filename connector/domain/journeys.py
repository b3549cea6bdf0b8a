"""One picture's journey: how it came in, what was answered and by whom, what was done and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select, tuple_
from sqlalchemy.orm import Session

from connector.db.tables import (
    Action,
    Classifier,
    Delivery,
    Event,
    Image,
    ModelVersion,
    Prediction,
    Review,
    Rule,
    Source,
    Undo,
)
from connector.domain import classifiers, nearest, remedies
from connector.domain.nearest import Like
from connector.domain.remedies import Remedy
from connector.errors import NotFound

# The likeliest labels that are shown, and how many examples of the first of them beside.
TOP, ALIKE, BESIDE = 5, 2, 3
# Deliveries that are shown, the first ones.
MOST_TOLD = 50


@dataclass(frozen=True)
class Sure:
    """A label, how sure the model was of it (0..1), and the examples most like the picture."""

    label: str
    confidence: float
    likes: Sequence[Like] = ()


@dataclass(frozen=True)
class Told:
    """A delivery of an event about the picture."""

    row: Delivery
    event_type: str
    at: datetime


@dataclass(frozen=True)
class Step:
    """Something that a rule did, or is to do, and that rule's version."""

    action: Action
    rule: Rule | None


@dataclass(frozen=True)
class Journey:
    """All that is known of a prediction's way.

    `wrong`: what would put it right where a person gave another answer than the one that was acted
    on, None where all is as it should be.
    """

    prediction: Prediction
    classifier: Classifier
    image: Image
    source: Source
    version: ModelVersion | None
    review: Review | None
    sure: Sequence[Sure]
    steps: Sequence[Step]
    told: Sequence[Told]
    undo: Undo | None
    wrong: Remedy | None
    labels: Sequence[str]

    @property
    def moving(self) -> bool:
        """Say whether something about it is being done just now."""
        return (
            self.prediction.status == "queued"
            or self.undo is not None
            or any(one.action.pending for one in self.steps)
            or any(one.row.status == "pending" and not one.row.attempts for one in self.told)
        )


def journey(session: Session, workspace_id: str, prediction_id: str) -> Journey:
    """Return a picture's whole journey, with about ten queries. Raises NotFound."""
    statement = (
        select(Prediction, Classifier, Image, Source, ModelVersion)
        .join(Classifier, Classifier.id == Prediction.classifier_id)
        .join(Image, Image.id == Prediction.image_id)
        .join(Source, Source.id == Prediction.source_id)
        .outerjoin(
            ModelVersion,
            and_(
                ModelVersion.classifier_id == Prediction.classifier_id,
                ModelVersion.number == Prediction.model_version,
            ),
        )
        .where(Prediction.id == prediction_id, Prediction.workspace_id == workspace_id)
    )
    found = session.execute(statement).one_or_none()
    if found is None:
        raise NotFound(f"There is no prediction {prediction_id} here.")
    prediction, classifier, image, source, version = found
    actions = remedies.actions_of(session, prediction, lock=False)
    review = select(Review).where(Review.prediction_id == prediction.id)
    undo = select(Undo).where(Undo.prediction_id == prediction.id, Undo.status == "running")
    running = session.scalars(undo).first()
    return Journey(
        prediction,
        classifier,
        image,
        source,
        version,
        session.scalars(review).first(),
        _sure(session, prediction),
        _steps(session, actions),
        _told(session, prediction),
        running,
        None if running else _wrong(session, classifier, prediction, actions),
        [label.name for label in classifiers.labels(session, classifier)],
    )


def _sure(session: Session, prediction: Prediction) -> list[Sure]:
    ranked = sorted((prediction.probabilities or {}).items(), key=lambda pair: -float(pair[1]))
    first = [label for label, _ in ranked[:ALIKE]]
    likes = nearest.nearest(session, prediction, first, BESIDE) if first else {}
    return [Sure(name, float(value), likes.get(name, ())) for name, value in ranked[:TOP]]


def _steps(session: Session, actions: Sequence[Action]) -> list[Step]:
    """Each action with the version of its rule, those of deleted rules, too."""
    named = {(one.rule_id, one.rule_version) for one in actions}
    rules: dict[tuple[str, int], Rule] = {}
    if named:
        statement = select(Rule).where(tuple_(Rule.rule_id, Rule.version).in_(named))
        rules = {(row.rule_id, row.version): row for row in session.scalars(statement)}
    return [Step(one, rules.get((one.rule_id, one.rule_version))) for one in actions]


def _told(session: Session, prediction: Prediction) -> list[Told]:
    statement = (
        select(Delivery, Event.type, Event.created_at)
        .join(Event, Event.id == Delivery.event_id)
        .where(
            Event.prediction_id == prediction.id,
            Event.workspace_id == prediction.workspace_id,
        )
        .order_by(Delivery.id)
        .limit(MOST_TOLD)
    )
    return [Told(*row) for row in session.execute(statement)]


def _wrong(
    session: Session, classifier: Classifier, prediction: Prediction, actions: Sequence[Action]
) -> Remedy | None:
    label = remedies.correction(classifier, prediction)
    if label is None or classifier.deleted_at is not None:
        return None
    found = remedies.compare(session, prediction, label, actions)
    return None if found.empty else found
