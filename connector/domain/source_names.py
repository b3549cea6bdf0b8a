"""Which sources a classifier has, and what people call them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Source
from connector.domain.classifiers import API
from connector.errors import NotFound

# The hook that every classifier is made with has no name of its own.
FIRST_NAME = "hook"


def own(classifier: Classifier) -> Any:
    """Return the statement that selects its sources, without the API's own and deleted ones."""
    return select(Source).where(
        Source.classifier_id == classifier.id, Source.kind != API, Source.deleted_at.is_(None)
    )


def names(session: Session, classifier: Classifier) -> dict[str, str]:
    """Return what a classifier's sources are called, by id, those that were deleted included."""
    rows = session.scalars(select(Source).where(Source.classifier_id == classifier.id))
    return {row.id: shown_name(row) for row in rows}


def get_source(session: Session, classifier: Classifier, source_id: str) -> Source:
    """Return one of its sources. Raises NotFound, for deleted ones and the API's own too."""
    statement = own(classifier).where(Source.id == source_id)
    row: Source | None = session.scalars(statement).first()
    if row is None:
        raise NotFound(f"{classifier.name!r} has no source {source_id}; list its sources.")
    return row


def find_source(session: Session, classifier: Classifier, id_or_name: str) -> Source:
    """Return its source of that id or name. Raises NotFound with the names there are."""
    rows: list[Source] = list(session.scalars(own(classifier).order_by(Source.id)))
    for row in rows:
        if id_or_name in (row.id, shown_name(row)):
            return row
    names = ", ".join(shown_name(row) for row in rows) or "none"
    raise NotFound(f"{classifier.name!r} has no source {id_or_name!r}; there are: {names}.")


def shown_name(row: Source) -> str:
    """Return the name by which people know it."""
    return row.name or FIRST_NAME
