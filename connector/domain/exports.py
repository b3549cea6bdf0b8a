"""Exports of a classifier's pictures and labels, streamed in a form that other tools take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connector.db import Database
from connector.domain import (
    audit_log,
    classifiers,
    exchange_csv,
    exchange_rows,
    exchange_zip,
    label_studio,
)
from connector.domain.label_studio import Addresses
from connector.errors import Unprocessable
from connector.settings import Settings
from connector.storage import Blobs

ZIP, CSV, LABEL_STUDIO = "zip", "csv", "label_studio"
FORMATS = {
    ZIP: ("application/zip", ".zip"),
    CSV: ("text/csv; charset=utf-8", ".csv"),
    LABEL_STUDIO: ("application/json", ".label-studio.json"),
}


@dataclass(frozen=True)
class Wanted:
    """Which form; all pictures or those with a label (or without); where Label Studio finds them.

    `root` stands before the paths of the zip of folders; empty, pictures keep our addresses.
    """

    form: str
    labelled: bool | None = None
    root: str = ""


@dataclass(frozen=True)
class Export:
    """A file on its way out: what it is called, what it is, and its bytes in chunks."""

    name: str
    media_type: str
    chunks: Iterator[bytes]


def export(
    database: Database,
    blobs: Blobs,
    settings: Settings,
    workspace_id: str,
    classifier_id: str,
    wanted: Wanted,
) -> Export:
    """Begin an export; that somebody asked for it is noted.

    Raises NotFound, and Unprocessable (unknown_format) at once; the chunks raise Unavailable.
    """
    if wanted.form not in FORMATS:
        raise Unprocessable(
            f"There is no format {wanted.form!r}; use one of {', '.join(FORMATS)}.",
            code="unknown_format",
        )
    with database.write() as session:
        row = classifiers.get_classifier(session, workspace_id, classifier_id)
        name = row.name
        after = {"format": wanted.form}
        audit_log.note_in(session, row, "example.exported", row.id, after=after)
    media_type, suffix = FORMATS[wanted.form]
    chunks = _chunks(database, blobs, settings, classifier_id, wanted)
    return Export(f"{_plain(name)}{suffix}", media_type, chunks)


def _chunks(
    database: Database, blobs: Blobs, settings: Settings, classifier_id: str, wanted: Wanted
) -> Iterator[bytes]:
    pictures = exchange_rows.rows(database, classifier_id, labelled=wanted.labelled)
    base = f"{settings.public_url}/api/v1/classifiers/{classifier_id}/examples"
    if wanted.form == ZIP:
        return exchange_zip.stream(blobs, pictures)
    if wanted.form == CSV:
        return exchange_csv.stream(pictures, base)
    return label_studio.stream(pictures, Addresses(base, wanted.root))


def _plain(name: str) -> str:
    return re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "-", name).strip(" .-") or "pictures"
