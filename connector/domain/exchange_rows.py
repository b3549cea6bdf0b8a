"""The pictures of a classifier for other tools: read a few at a time, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Example, Image, Label, Prediction

AT_ONCE = 500


@dataclass(frozen=True)
class Guess:
    """What a version of the model made of a picture; `confidence` is 0..1."""

    label: str
    confidence: float
    version: int


@dataclass(frozen=True)
class Picture:
    """A picture as other tools are told of it; `label` None: it waits for one."""

    id: str
    name: str
    label: str | None
    origin: str
    labelled_by: str | None
    labelled_at: datetime | None
    sha256: str
    media_type: str
    image_id: str
    guess: Guess | None = None


def rows(
    database: Database,
    classifier_id: str,
    *,
    labelled: bool | None = None,
    guesses: bool = False,
) -> Iterator[Picture]:
    """Yield the pictures, oldest first: all, or those with (or without) a label.

    Read in short transactions of AT_ONCE, so that none is held while a slow reader takes them.
    With `guesses`, what waits for a label says what the model made of it, where it was asked.
    """
    after = ""
    while True:
        statement = _statement(classifier_id, labelled).where(Example.id > after)
        with database.read() as session:
            found = [_picture(row) for row in session.execute(statement.limit(AT_ONCE))]
            if guesses:
                found = _with_guesses(session, classifier_id, found)
        yield from found
        if len(found) < AT_ONCE:
            return
        after = found[-1].id


def _statement(classifier_id: str, labelled: bool | None) -> Any:
    statement = (
        select(
            Example.id,
            Example.name,
            Label.name.label("label"),
            Example.origin,
            Example.labelled_by,
            Example.labelled_at,
            Image.sha256,
            Image.media_type,
            Example.image_id,
        )
        .join(Image, Image.id == Example.image_id)
        .outerjoin(Label, Label.id == Example.label_id)
        .where(Example.classifier_id == classifier_id)
        .order_by(Example.id)
    )
    if labelled is None:
        return statement
    waits = Example.label_id.is_(None)
    return statement.where(~waits if labelled else waits)


def _picture(row: Row[Any]) -> Picture:
    return Picture(**row._mapping)


def _with_guesses(session: Session, classifier_id: str, found: Sequence[Picture]) -> list[Picture]:
    waiting = [one.image_id for one in found if one.label is None]
    if not waiting:
        return list(found)
    statement = (
        select(Prediction.image_id, Prediction.probabilities, Prediction.model_version)
        .where(
            Prediction.image_id.in_(waiting),
            # Lets the index of kept pictures answer.
            Prediction.image_deleted_at.is_(None),
            Prediction.classifier_id == classifier_id,
            Prediction.model_version.is_not(None),
        )
        .order_by(Prediction.id)
    )
    guesses: dict[str, Guess] = {}
    for image_id, probabilities, version in session.execute(statement):
        if probabilities and version is not None:
            label = max(probabilities, key=probabilities.__getitem__)
            guesses[image_id] = Guess(label, float(probabilities[label]), version)
    return [
        replace(one, guess=guesses.get(one.image_id)) if one.label is None else one for one in found
    ]
