"""What tests of the activity share: pictures and what was done with them, as rows without bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Action, Classifier, Image, Prediction
from connector.domain import classifiers
from connector.domain.predictions import SourceRef
from connector.ids import first_id, new_id

RANDOM = 16


def day(number: int) -> datetime:
    """Return noon of that day of the month that the tests are about."""
    return datetime(2026, 3, number, 12, tzinfo=UTC)


def id_at(at: datetime) -> str:
    """Return an id of a prediction that came in then."""
    return first_id("pred", at)[:-RANDOM] + new_id("pred")[-RANDOM:]


def way_in(session: Session, classifier: Classifier, kind: str = "api") -> SourceRef:
    """Return a classifier's source of that kind."""
    row = classifiers.source(session, classifier, kind)
    return SourceRef(row.id, row.workspace_id, row.classifier_id)


def image_of(session: Session, workspace_id: str) -> str:
    """Return the id of a picture of this workspace that has no bytes."""
    sha256 = new_id("sha")
    row = Image(
        workspace_id=workspace_id,
        sha256=sha256,
        media_type="image/png",
        width=40,
        height=30,
        size=999,
    )
    session.add(row)
    session.flush()
    return row.id


def came_in(
    session: Session, source: SourceRef, image_id: str, at: datetime, name: str, **fields: Any
) -> str:
    """Write a prediction down that came in then, answered if nothing else is said."""
    label = fields.pop("label", "red")
    values = {
        "status": "done",
        "label": label,
        "confidence": 0.95,
        "probabilities": {label: 0.95},
        "decided_by": "model",
        "model_version": 1,
        "decided_at": at,
        **fields,
    }
    row = Prediction(
        id=id_at(at),
        workspace_id=source.workspace_id,
        classifier_id=source.classifier_id,
        source_id=source.id,
        request_hash="none",
        image_id=image_id,
        name=name,
        location={"kind": "held", "sha256": image_id},
        created_at=at,
        **values,
    )
    session.add(row)
    session.flush()
    return row.id


def acted(session: Session, prediction_id: str, kind: str, rule_id: str, **fields: Any) -> str:
    """Write an action down that was done with a picture, if nothing else is said."""
    prediction = session.get_one(Prediction, prediction_id)
    known = session.query(Action).filter_by(prediction_id=prediction_id).count()
    values = {"status": "done", "pending": False, "finished_at": prediction.created_at, **fields}
    row = Action(
        workspace_id=prediction.workspace_id,
        prediction_id=prediction_id,
        rule_id=rule_id,
        rule_version=1,
        sequence=known,
        position=known,
        kind=kind,
        params={},
        detail={"to": f"/sorted/{prediction.label}/{prediction.name}"} if kind == "move" else {},
        **values,
    )
    session.add(row)
    session.flush()
    return row.id


@dataclass(frozen=True)
class Heap:
    """Many pictures of one classifier, newest first."""

    source: SourceRef
    ids: list[str]


def heap(
    database: Database,
    classifier: Classifier,
    count: int,
    at: datetime | None = None,
    **fields: Any,
) -> Heap:
    """Write many predictions down, a millisecond after each other; every third one is green."""
    first = at or day(1)
    with database.write() as session:
        source = way_in(session, session.get_one(Classifier, classifier.id))
        image_id = image_of(session, source.workspace_id)
        ids = [
            came_in(
                session,
                source,
                image_id,
                first + timedelta(milliseconds=number),
                f"{number:05}.png",
                label="red" if number % 3 else "green",
                **fields,
            )
            for number in range(count)
        ]
    return Heap(source, ids[::-1])


def pages(ask: Any) -> Iterator[list[str]]:
    """Give the ids of page after page: `ask(cursor)` returns some ids and the next cursor."""
    cursor = None
    while True:
        ids, cursor = ask(cursor)
        yield ids
        if cursor is None:
            return
