"""Tables for other tools, written so that no spreadsheet runs a cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from connector.domain.exchange_rows import Picture
from connector.domain.resources import iso

# Of these, spreadsheets take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEADER = ("file", "label", "source", "labelled_by", "labelled_at", "image_url", "sha256")
ROWS_A_CHUNK = 200


def stream(pictures: Iterable[Picture], base: str) -> Iterator[bytes]:
    """Yield the table, a row for each picture, in UTF-8 with a mark that spreadsheets look for.

    `base` stands before the id in a picture's address.
    """
    out = io.StringIO("\ufeff", newline="")
    out.seek(1)
    writer = csv.writer(out)
    writer.writerow(HEADER)
    for count, one in enumerate(pictures, 1):
        writer.writerow(plain(cell) for cell in _row(one, base))
        if count % ROWS_A_CHUNK == 0:
            yield _taken(out)
    yield _taken(out)


def plain(cell: str) -> str:
    """Return a cell that is text to every spreadsheet; `unplain` turns it back exactly."""
    return f"'{cell}" if _is_formula(cell) else cell


def unplain(cell: str) -> str:
    """Return what a cell says that `plain` may have written."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    return cell.lstrip("'").startswith(_FORMULA)


def _row(one: Picture, base: str) -> tuple[str, ...]:
    return (
        one.name,
        one.label or "",
        one.origin,
        one.labelled_by or "",
        iso(one.labelled_at) or "",
        f"{base}/{one.id}/image",
        one.sha256,
    )


def _taken(out: io.StringIO) -> bytes:
    data = out.getvalue().encode()
    out.seek(0)
    out.truncate()
    return data
