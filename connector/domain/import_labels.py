"""Where the labels of imported pictures come from: folders, file names, a table, or nowhere."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from connector.errors import ColabelError, Unprocessable

TABLE_NAME = "labels.csv"
# The folder of an export in which pictures wait for a label.
UNLABELLED = "_unlabelled"
FILE_HEADERS = ("file", "filename", "file_name", "path", "image", "picture", "name")
LABEL_HEADERS = ("label", "class", "category", "target", "tag")
# What stands behind the label in a file name: "cat_001", "cat (2)", "upside_down-3".
_NUMBERING = re.compile(r"[\W_]*\d[\d\W_]*\Z")


class NoLabel(ColabelError):
    """A file of an import for which no label can be told."""

    default_code = "no_label"


class Labeller(Protocol):
    """Tells a file's label."""

    def label(self, name: str) -> str | None:
        """Return the label of the file at this path (relative, with /). Raises NoLabel.

        None: a person will label it later.
        """
        ...


@dataclass(frozen=True)
class LabelMode:
    """How labels are told: "auto", "folders", "names", "csv" (`table` names the file) or "none"."""

    kind: str
    table: str = ""

    def __str__(self) -> str:
        return f"csv:{self.table}" if self.kind == "csv" else self.kind


def parse_mode(text: str) -> LabelMode:
    """Read "auto", "folders", "names", "csv", "csv:FILE" or "none". Raises Unprocessable."""
    kind, _, table = text.partition(":")
    if kind == "csv":
        return LabelMode("csv", table or TABLE_NAME)
    if text in ("auto", "folders", "names", "none"):
        return LabelMode(text)
    raise Unprocessable(
        "Labels come from folders, names, or csv:FILE (or auto, which looks; with none, pictures "
        f"are kept to be labelled later); not from {text!r}.",
        code="bad_label_mode",
    )


def choose(mode: LabelMode, names: Sequence[str]) -> LabelMode:
    """Turn "auto" into what these files look like: a labels.csv, else folders, else names."""
    if mode.kind != "auto":
        return mode
    tables = [name for name in names if PurePosixPath(name).name.lower() == TABLE_NAME]
    if tables:
        return LabelMode("csv", min(tables, key=len))
    in_folders = any("/" in name for name in names)
    return LabelMode("folders" if in_folders else "names")


class FolderLabels:
    """The label is the name of the folder that the file lies in."""

    def label(self, name: str) -> str | None:
        """Return the parent folder's name; None for the one that our own exports put aside."""
        parent = PurePosixPath(name).parent.name
        if parent == UNLABELLED:
            return None
        if not parent or parent == "..":
            raise NoLabel("It lies in no folder that could be its label; put it into one.")
        return parent


class NameLabels:
    """The label is the file's name without its numbering: "cat_001.jpg" is a cat."""

    def label(self, name: str) -> str:
        """Return the name up to the last run of digits and separators."""
        stem = PurePosixPath(name).stem
        label = _NUMBERING.sub("", stem).strip(" _-.")
        if not label:
            raise NoLabel("Its name is only a number; name it like cat_001.jpg.")
        return label


class NoLabels:
    """No file has a label yet."""

    def label(self, name: str) -> None:
        """Return nothing, whatever the file is called."""


class TableLabels:
    """The label stands in a table with one row per file."""

    def __init__(self, rows: Mapping[str, str]) -> None:
        self.rows = {_normal(name): label for name, label in rows.items()}
        stems = Counter(PurePosixPath(name).name for name in self.rows)
        # A bare file name is enough as long as only one row can be meant.
        self._by_name = {
            PurePosixPath(name).name: name
            for name in self.rows
            if stems[PurePosixPath(name).name] == 1
        }
        self._used: set[str] = set()

    def label(self, name: str) -> str:
        """Return the label of the row that names this path, or else this file name."""
        path = _normal(name)
        row = path if path in self.rows else self._by_name.get(PurePosixPath(path).name)
        if row is None or not self.rows[row].strip():
            raise NoLabel("The table of labels has no row for it.", code="not_in_table")
        self._used.add(row)
        return self.rows[row]

    def missing(self) -> list[str]:
        """Return the rows that no file was asked for."""
        return [name for name in self.rows if name not in self._used]


def read_table(data: bytes) -> TableLabels:
    """Read a CSV (comma, semicolon or tab; UTF-8 or Windows) with a file and a label column.

    Without a header the first column is the file, the second its label. Raises Unprocessable.
    """
    rows = [row for row in _csv_rows(data) if any(cell.strip() for cell in row)]
    if not rows:
        raise Unprocessable("The table of labels is empty.", code="bad_table")
    header = [cell.strip().lower() for cell in rows[0]]
    file_column = next((header.index(h) for h in FILE_HEADERS if h in header), None)
    label_column = next((header.index(h) for h in LABEL_HEADERS if h in header), None)
    if file_column is None or label_column is None:
        if len(header) != 2 or file_column is not None or label_column is not None:
            raise Unprocessable(
                f"The table of labels has the columns {', '.join(header)}; it needs one named "
                "file and one named label.",
                code="bad_table",
            )
        file_column, label_column = 0, 1
    else:
        rows = rows[1:]
    wanted = max(file_column, label_column)
    return TableLabels({r[file_column]: r[label_column] for r in rows if len(r) > wanted})


def _csv_rows(data: bytes) -> list[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    try:
        return list(csv.reader(text.splitlines(), delimiter=delimiter))
    except csv.Error as error:
        raise Unprocessable(
            f"The table of labels cannot be read ({error}); save it as CSV.", code="bad_table"
        ) from error


def _normal(name: str) -> str:
    return str(PurePosixPath(name.strip().replace("\\", "/").lstrip("/")))
