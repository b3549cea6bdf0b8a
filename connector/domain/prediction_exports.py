"""Predictions written out, newest first, a part at a time: however many there are, few are held.

Each part is read in a transaction of its own, so no connection waits for whoever reads slowly.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Classifier, Prediction, Source
from connector.db.types import Json
from connector.domain import prediction_list, resources
from connector.domain.prediction_list import PredictionFilter

Format = Literal["csv", "json"]
PART = 250
COLUMNS = (
    "id",
    "created_at",
    "classifier",
    "classifier_id",
    "source",
    "name",
    "external_id",
    "status",
    "label",
    "confidence",
    "decided_by",
    "model_version",
    "corrected_label",
    "decided_at",
    "actions",
    "location",
    "error",
    "metadata",
    "url",
)
# What makes a spreadsheet take a text for a formula, in the letters of East Asia, too.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def export(
    database: Database,
    workspace_id: str,
    wanted: PredictionFilter,
    public_url: str,
    kind: Format,
) -> Iterator[str]:
    """Give the text of a CSV table with a head, or of a JSON array with a prediction a line.

    Raises BadRequest for a filter that makes no sense, before anything is given.
    """
    wanted.check()
    parts = _parts(database, workspace_id, wanted, public_url)
    return _csv(database, parts) if kind == "csv" else _json(parts)


def _parts(
    database: Database, workspace_id: str, wanted: PredictionFilter, public_url: str
) -> Iterator[list[Json]]:
    last: str | None = None
    while True:
        with database.read() as session:
            asked = prediction_list.asked(session, workspace_id, wanted)
            after = [] if last is None else [Prediction.id < last]
            statement = select(Prediction).where(*asked.all, *after)
            rows = session.scalars(statement.order_by(Prediction.id.desc()).limit(PART)).all()
            shown = resources.predictions(session, rows, public_url)
            places = [row.source_id for row in rows]
        if not shown:
            return
        yield [{**one, "source_id": place} for one, place in zip(shown, places, strict=True)]
        last = shown[-1]["id"]


def _json(parts: Iterator[list[Json]]) -> Iterator[str]:
    before = "[\n"
    for part in parts:
        for one in part:
            del one["source_id"]
        lines = [json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in part]
        yield before + ",\n".join(lines)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _csv(database: Database, parts: Iterator[list[Json]]) -> Iterator[str]:
    names: dict[str, str] = {}
    yield _lines([COLUMNS])
    for part in parts:
        wanted = {one[key] for one in part for key in ("classifier_id", "source_id")} - set(names)
        if wanted:
            with database.read() as session:
                names |= _names(session, wanted)
        yield _lines([[safe(_value(one, name, names)) for name in COLUMNS] for one in part])


def _names(session: Session, ids: set[str]) -> dict[str, str]:
    """Return what these classifiers and sources are called, those that were deleted included."""
    sources = session.scalars(select(Source).where(Source.id.in_(ids)))
    found = {row.id: row.name or row.kind for row in sources}
    called = select(Classifier.id, Classifier.name).where(Classifier.id.in_(ids))
    return found | dict(session.execute(called).all())


def _lines(rows: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _value(one: Json, name: str, names: dict[str, str]) -> Any:
    if name in ("classifier", "source"):
        return names[one[f"{name}_id"]]
    if name == "confidence":
        return None if one[name] is None else round(one[name], 6)
    if name == "actions":
        return "; ".join(f"{action['kind']} {action['status']}" for action in one[name])
    if name == "location":
        place = one[name]
        return place.get("path") or _object(place)
    if name == "error":
        return None if one[name] is None else one[name]["detail"]
    if name == "metadata":
        return json.dumps(one[name], ensure_ascii=False) if one[name] else None
    return one[name]


def _object(place: Json) -> str | None:
    return f"s3://{place['bucket']}/{place['key']}" if place["kind"] == "s3" else None


def safe(value: Any) -> Any:
    """Return what no spreadsheet takes for a formula: such a text begins with an apostrophe."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
