"""What happened last, in the form in which subscribers are told of it, subscribed or not.

For those who ask now and then instead of being called, and for who wants to see a sample first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from connector.db.tables import (
    Action,
    AuditEntry,
    Classifier,
    Event,
    ModelVersion,
    Prediction,
    Review,
    TrainingRun,
)
from connector.domain import picture_facts, resources, versions
from connector.domain.event_filters import EVENT_TYPES, EventFilters, check
from connector.errors import Unprocessable

# Of a rare label, those among the latest this many are found.
LOOKS_THROUGH = 5000
Message = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """Whose events, which, and how many; links in them begin with `public_url`."""

    session: Session
    workspace_id: str
    filters: Mapping[str, Any]
    limit: int
    public_url: str

    def of_prediction(self) -> list[ColumnElement[bool]]:
        """Return what must hold of a prediction that an event tells of."""
        asked, found = self.filters, list[ColumnElement[bool]]()
        for name, column in _ONE_OF.items():
            if name in asked:
                found.append(column.in_(asked[name]))
        if "decided_by" in asked:
            found.append(Prediction.decided_by == asked["decided_by"])
        if "min_confidence" in asked:
            found.append(Prediction.confidence >= asked["min_confidence"])
        if "max_confidence" in asked:
            found.append(Prediction.confidence <= asked["max_confidence"])
        return found

    def newest(self, table: Any, order: Any, *conditions: Any) -> Any:
        """Return the subquery of the ids of this workspace's latest rows."""
        statement = select(table.id).where(table.workspace_id == self.workspace_id, *conditions)
        return statement.order_by(order.desc()).limit(LOOKS_THROUGH)

    def of_classifier(self) -> list[ColumnElement[bool]]:
        """Return what must hold of a classifier: it is this workspace's, and is asked for."""
        found = [Classifier.workspace_id == self.workspace_id, Classifier.deleted_at.is_(None)]
        if "classifier_ids" in self.filters:
            found.append(Classifier.id.in_(self.filters["classifier_ids"]))
        return found


_ONE_OF = {
    "classifier_ids": Prediction.classifier_id,
    "labels": Prediction.label,
    "statuses": Prediction.status,
}


def recent(query: Query, event_type: str) -> list[Message]:
    """Return the latest messages of a type, the newest first.

    Raises Unprocessable for a type that there is not, or a filter that it cannot be asked.
    """
    if event_type not in EVENT_TYPES:
        raise Unprocessable(
            f"Event types are {', '.join(EVENT_TYPES)}; {event_type} is not one of them.",
            code="unknown_event_type",
        )
    check(query.filters, [event_type])
    found = _OF_TYPE.get(event_type, _kept)(query, event_type)
    return [{"type": event_type, "timestamp": at, "data": data} for at, data in found]


Found = list[tuple[str | None, dict[str, Any]]]


def asked(**values: Any) -> dict[str, Any]:
    """Return filters in the form in which they are kept, from those that are not None."""
    given = {name: value for name, value in values.items() if value is not None}
    return EventFilters.model_validate(given).kept()


def _completed(query: Query, _type: str) -> Found:
    newest = query.newest(Prediction, Prediction.decided_at, Prediction.decided_at.is_not(None))
    statement = select(Prediction).where(Prediction.id.in_(newest), *query.of_prediction())
    ordered = statement.order_by(Prediction.decided_at.desc(), Prediction.id.desc())
    rows = list(query.session.scalars(ordered.limit(query.limit)))
    shown = resources.predictions(query.session, rows, query.public_url)
    return [(_iso(row.decided_at), one) for row, one in zip(rows, shown, strict=True)]


def _reviews(query: Query, event_type: str) -> Found:
    answered = event_type == "review.answered"
    order = Review.answered_at if answered else Review.id
    state = Review.answered_at.is_not(None) if answered else Review.kind == "question"
    statement = (
        select(Review, Prediction)
        .join(Prediction, Prediction.id == Review.prediction_id)
        .where(Review.id.in_(query.newest(Review, order, state)))
        .order_by(order.desc(), Review.id.desc())
        .limit(query.limit)
    )
    filters = dict(query.filters)
    if labels := filters.pop("labels", None):
        statement = statement.where(Review.label.in_(labels))
    if classifiers := filters.pop("classifier_ids", None):
        statement = statement.where(Prediction.classifier_id.in_(classifiers))
    return [
        (
            _iso(row.answered_at if answered else row.created_at),
            resources.review(row, prediction, query.public_url),
        )
        for row, prediction in query.session.execute(statement)
    ]


def _promoted(query: Query, _type: str) -> Found:
    statement = (
        select(ModelVersion, Classifier, AuditEntry)
        .join(AuditEntry, AuditEntry.resource_id == ModelVersion.id)
        .join(Classifier, Classifier.id == ModelVersion.classifier_id)
        .where(AuditEntry.what == "version.promoted", *query.of_classifier())
        .order_by(AuditEntry.id.desc())
        .limit(query.limit)
    )
    found: Found = []
    for row, classifier, entry in query.session.execute(statement):
        by_itself = entry.actor_kind == "system"
        reason = row.metrics.get("verdict", "") if by_itself else versions.BY_A_PERSON
        shown = versions.resource(classifier, row, query.public_url)
        found.append((_iso(entry.created_at), {**shown, "reason": reason}))
    return found


def _rejected(query: Query, _type: str) -> Found:
    statement = (
        select(ModelVersion, Classifier)
        .join(TrainingRun, TrainingRun.id == ModelVersion.run_id)
        .join(Classifier, Classifier.id == ModelVersion.classifier_id)
        .where(TrainingRun.promoted.is_(False), *query.of_classifier())
        .order_by(ModelVersion.id.desc())
        .limit(query.limit)
    )
    return [
        (
            _iso(row.created_at),
            {
                **versions.resource(classifier, row, query.public_url),
                "reason": row.metrics.get("verdict", ""),
            },
        )
        for row, classifier in query.session.execute(statement)
    ]


def _actions(query: Query, *conditions: ColumnElement[bool]) -> Sequence[Any]:
    statement = (
        select(Action, Prediction)
        .join(Prediction, Prediction.id == Action.prediction_id)
        .where(Action.id.in_(query.newest(Action, Action.id, *conditions)), *query.of_prediction())
        .order_by(Action.id.desc())
        .limit(query.limit)
    )
    return query.session.execute(statement).all()


def _alerts(query: Query, _type: str) -> Found:
    rows = _actions(query, Action.kind == "alert", Action.status.in_(("done", "waiting")))
    facts = picture_facts.of_predictions(
        query.session, [prediction for _, prediction in rows], query.public_url
    )
    return [
        (
            _iso(action.finished_at or action.created_at),
            {
                "action_id": action.id,
                "channel": action.detail.get("channel"),
                "message": action.detail.get("message"),
                "prediction": picture_facts.plain(
                    picture_facts.for_label(action.label, facts[prediction.id])
                ),
                "url": f"{query.public_url}/api/v1/actions/{action.id}",
            },
        )
        for action, prediction in rows
    ]


def _failed(query: Query, _type: str) -> Found:
    rows = _actions(query, Action.status == "failed")
    shown = resources.predictions(query.session, [one for _, one in rows], query.public_url)
    return [
        (
            _iso(action.finished_at or action.created_at),
            {**resources.action(action), "prediction": about},
        )
        for (action, _), about in zip(rows, shown, strict=True)
    ]


def _kept(query: Query, event_type: str) -> Found:
    """Of what is written down nowhere else: as it was told to those who had subscribed."""
    statement = (
        select(Event)
        .where(Event.id.in_(query.newest(Event, Event.id)), Event.type == event_type)
        .order_by(Event.id.desc())
    )
    if wanted := query.filters.get("classifier_ids"):
        statement = statement.where(Event.payload["id"].as_string().in_(wanted))
    return [
        (_iso(row.created_at), row.payload)
        for row in query.session.scalars(statement.limit(query.limit))
    ]


def _iso(moment: datetime | None) -> str | None:
    return resources.iso(moment)


_OF_TYPE: Mapping[str, Callable[[Query, str], Found]] = {
    "prediction.completed": _completed,
    "review.requested": _reviews,
    "review.answered": _reviews,
    "model.promoted": _promoted,
    "model.rejected": _rejected,
    "alert.raised": _alerts,
    "action.failed": _failed,
}
