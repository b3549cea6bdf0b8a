"""Reading a table of labels for pictures that are here already, or at an address."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from connector.domain.exchange_csv import unplain
from connector.domain.exchange_lines import Line, Names, clean_hash, names_of
from connector.domain.import_labels import FILE_HEADERS, LABEL_HEADERS
from connector.errors import Unprocessable

_HASHES = ("sha256", "hash", "checksum")
_ADDRESSES = ("image_url", "url", "address", "link")
_WHO = ("labelled_by", "labeled_by", "annotator", "completed_by")


def read(data: bytes) -> list[Line]:
    """Return the rows of a CSV (comma, semicolon or tab; UTF-8 or Windows), each a picture.

    It needs a column of labels, and one of file names, SHA-256 or addresses. Raises Unprocessable
    (bad_table).
    """
    rows = _rows(data)
    if not rows:
        raise Unprocessable("The table of labels is empty.", code="bad_table")
    header = [cell.strip().lower() for cell in rows[0]]
    label, who = _column(header, LABEL_HEADERS), _column(header, _WHO)
    file, sha256, url = (_column(header, one) for one in (FILE_HEADERS, _HASHES, _ADDRESSES))
    if label is None or (file is None and sha256 is None and url is None):
        raise Unprocessable(
            f"The table has the columns {', '.join(header)}; it needs one named label, and one "
            "named file, sha256 or url.",
            code="bad_table",
        )
    names, lines = Names(), []
    for number, row in enumerate(rows[1:], 2):
        said = _Cells(row)
        name, address = said[file], said[url]
        lines.append(
            Line(
                names.free(name or address or f"row {number}"),
                label=" ".join(said[label].split()) or None,
                image=address or name,
                names=names_of(address, name) if name else names_of(address),
                sha256=clean_hash(said[sha256]),
                by=said[who] or None,
            )
        )
    return lines


class _Cells:
    """A row by column; what is not there is empty."""

    def __init__(self, row: Sequence[str]) -> None:
        self._row = row

    def __getitem__(self, column: int | None) -> str:
        if column is None or column >= len(self._row):
            return ""
        return unplain(self._row[column]).strip()


def _column(header: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((header.index(one) for one in wanted if one in header), None)


def _rows(data: bytes) -> list[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [row for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise Unprocessable(
            f"The table of labels cannot be read ({error}); save it as CSV.", code="bad_table"
        ) from error
