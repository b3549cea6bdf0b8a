"""Predictions as downloads, the same for the API and the pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Response

from connector.domain import prediction_exports
from connector.domain.exports import Export
from connector.domain.prediction_exports import Format
from connector.domain.prediction_list import PredictionFilter
from connector.web.exporting import export_response
from connector.web.services import services

MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv", "json": "application/json"}
# Tells spreadsheets that the text is UTF-8; programs would take it for a part of the first name.
MARK = "\ufeff"


def predictions(
    workspace_id: str, wanted: PredictionFilter, kind: Format, *, for_people: bool = False
) -> Response:
    """Return all predictions that a filter means. Raises BadRequest, Unavailable.

    `for_people`: a spreadsheet is likely to open it.
    """
    here = services()

    def begin() -> Export:
        texts = prediction_exports.export(
            here.database, workspace_id, wanted, here.settings.public_url, kind
        )
        name = f"colabel-predictions-{datetime.now(UTC):%Y-%m-%d}.{kind}"
        marked = for_people and kind == "csv"
        return Export(name, f"{MEDIA_TYPES[kind]}; charset=utf-8", _bytes(texts, marked))

    return export_response(begin)


def _bytes(texts: Iterator[str], marked: bool) -> Iterator[bytes]:
    if marked:
        yield MARK.encode()
    for text in texts:
        yield text.encode()
