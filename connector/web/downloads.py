"""Exports as downloads: sent while they are read, the same for the API and the pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Response

from connector.domain import exports
from connector.domain.exports import Format
from connector.domain.prediction_list import PredictionFilter
from connector.web.answers import content_disposition
from connector.web.services import services

MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv", "json": "application/json"}
# Tells spreadsheets that the text is UTF-8; programs would take it for a part of the first name.
MARK = "\ufeff"


def predictions(
    workspace_id: str, wanted: PredictionFilter, kind: Format, *, for_people: bool = False
) -> Response:
    """Return all predictions that a filter means. Raises BadRequest.

    `for_people`: a spreadsheet is likely to open it.
    """
    here = services()
    texts = exports.export(here.database, workspace_id, wanted, here.settings.public_url, kind)
    response = Response(
        _bytes(texts, marked=for_people and kind == "csv"),
        content_type=f"{MEDIA_TYPES[kind]}; charset=utf-8",
    )
    name = f"colabel-predictions-{datetime.now(UTC):%Y-%m-%d}.{kind}"
    response.headers["Content-Disposition"] = content_disposition(name, inline=False)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def _bytes(texts: Iterator[str], *, marked: bool) -> Iterator[bytes]:
    if marked:
        yield MARK.encode()
    for text in texts:
        yield text.encode()
