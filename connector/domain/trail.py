"""One picture's way through the service, from its arrival to what was done and told about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, tuple_
from sqlalchemy.orm import Session

from connector.db.tables import (
    Action,
    Classifier,
    Delivery,
    Event,
    Image,
    Prediction,
    Review,
    Rule,
    Source,
)
from connector.domain.source_names import shown_name
from connector.errors import NotFound
from connector.ids import first_id

# Events about a picture are made when it is decided, answered or acted on; so long after the last
# of these they are looked for, and among so many of the workspace.
AFTER = timedelta(minutes=2)
LOOKED_THROUGH = 500


@dataclass(frozen=True)
class Told:
    """An event about the picture on its way to somebody."""

    event: Event
    delivery: Delivery


@dataclass(frozen=True)
class Trail:
    """What is known of a picture's way now; `rules` by id and version, as they were then."""

    row: Prediction
    image: Image
    came_by: str
    review: Review | None
    actions: Sequence[Action]
    rules: Mapping[tuple[str, int], Rule]
    told: Sequence[Told]

    @property
    def alive(self) -> bool:
        """Whether something is still going to happen by itself."""
        return (
            self.row.status == "queued"
            or any(one.pending and one.status != "waiting" for one in self.actions)
            or any(one.delivery.status == "pending" for one in self.told)
        )

    @property
    def asked(self) -> bool:
        """Whether it waits for a person."""
        return self.row.status == "needs_review"


def follow(session: Session, classifier: Classifier, prediction_id: str) -> Trail:
    """Return the way of a picture of this classifier. Raises NotFound."""
    row = session.get(Prediction, prediction_id)
    if row is None or row.classifier_id != classifier.id:
        raise NotFound(f"There is no prediction {prediction_id} here.")
    image, source = session.get_one(Image, row.image_id), session.get_one(Source, row.source_id)
    review = session.scalars(select(Review).where(Review.prediction_id == row.id)).first()
    planned = select(Action).where(Action.prediction_id == row.id).order_by(Action.sequence)
    actions = list(session.scalars(planned))
    return Trail(
        row,
        image,
        "" if source.kind == "api" else shown_name(source),
        review,
        actions,
        _rules(session, actions),
        _told(session, row, review, actions),
    )


def _rules(session: Session, actions: Sequence[Action]) -> dict[tuple[str, int], Rule]:
    wanted = {(one.rule_id, one.rule_version) for one in actions}
    if not wanted:
        return {}
    statement = select(Rule).where(tuple_(Rule.rule_id, Rule.version).in_(wanted))
    return {(rule.rule_id, rule.version): rule for rule in session.scalars(statement)}


def _told(
    session: Session, row: Prediction, review: Review | None, actions: Sequence[Action]
) -> list[Told]:
    """Return the deliveries of events that were made about it, looked for where they can be."""
    moments = [row.created_at, row.decided_at, *(one.finished_at for one in actions)]
    if review is not None:
        moments += [review.created_at, review.answered_at]
    last = max(moment for moment in moments if moment is not None)
    near = (
        select(Event.id)
        .where(
            Event.workspace_id == row.workspace_id,
            Event.id >= first_id("evt", row.created_at),
            Event.id < first_id("evt", last + AFTER),
        )
        .order_by(Event.id)
        .limit(LOOKED_THROUGH)
    )
    statement = (
        select(Event, Delivery)
        .join(Delivery, Delivery.event_id == Event.id)
        .where(Event.id.in_(near), _about(row, review, actions))
        .order_by(Event.id, Delivery.id)
    )
    return [Told(event, delivery) for event, delivery in session.execute(statement)]


def _about(
    row: Prediction, review: Review | None, actions: Sequence[Action]
) -> ColumnElement[bool]:
    """Return what holds of an event whose payload is the picture, its question, or an action."""
    ids = [row.id, *(one.id for one in actions), *([] if review is None else [review.id])]
    return or_(
        Event.payload["id"].as_string().in_(ids),
        Event.payload["action_id"].as_string().in_(ids),
    )


def newest_of(session: Session, source: Source, after: datetime) -> str | None:
    """Return the first picture that came by a source since `after`; None while there is none."""
    statement = select(Prediction.id).where(
        Prediction.source_id == source.id, Prediction.id > first_id("pred", after)
    )
    return session.scalars(statement.order_by(Prediction.id).limit(1)).first()
