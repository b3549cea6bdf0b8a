"""The pictures of a classifier for other tools: read a few at a time, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import aliased

from connector.db import Database
from connector.db.tables import Example, Image, Label

AT_ONCE = 500
_GUESS = aliased(Label)


@dataclass(frozen=True)
class Guess:
    """What the live version makes of a picture; `confidence` is 0..1."""

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
    guess: Guess | None = None


def rows(
    database: Database,
    classifier_id: str,
    *,
    labelled: bool | None = None,
) -> Iterator[Picture]:
    """Yield the pictures, oldest first: all, or those with (or without) a label.

    Read in short transactions of AT_ONCE, so that none is held while a slow reader takes them.
    """
    after = ""
    while True:
        statement = _statement(classifier_id, labelled).where(Example.id > after)
        with database.read() as session:
            found = [_picture(row) for row in session.execute(statement.limit(AT_ONCE))]
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
            _GUESS.name.label("guess"),
            Example.confidence,
            Example.scored_version,
        )
        .join(Image, Image.id == Example.image_id)
        .outerjoin(Label, Label.id == Example.label_id)
        .outerjoin(_GUESS, _GUESS.id == Example.guess_id)
        .where(Example.classifier_id == classifier_id)
        .order_by(Example.id)
    )
    if labelled is None:
        return statement
    waits = Example.label_id.is_(None)
    return statement.where(~waits if labelled else waits)


def _picture(row: Row[Any]) -> Picture:
    said = dict(row._mapping)
    label, confidence, version = (
        said.pop(name) for name in ("guess", "confidence", "scored_version")
    )
    if label is None or confidence is None or version is None:
        return Picture(**said)
    return Picture(**said, guess=Guess(label, confidence, version))
