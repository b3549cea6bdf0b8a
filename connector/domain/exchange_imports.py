"""Imports from other tools: labels in a file of theirs, for pictures that may be anywhere.

Such an import is a row and a zip like any other (connector.domain.imports): the file of labels lies
in the zip, with the pictures that came beside it. Where an attempt ended, the next one goes on.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Example, Image, Import, Label
from connector.domain import (
    archives,
    exchange_tables,
    import_sources,
    imports,
    label_studio_reading,
)
from connector.domain.exchange_finding import Finder, Labels
from connector.domain.exchange_lines import Line
from connector.domain.import_loop import Importer, Problem, Report
from connector.domain.import_sources import Collection
from connector.domain.imports import Claimed
from connector.errors import BadRequest, TooLarge, Unprocessable
from connector.settings import Settings
from connector.storage import Blobs

LABEL_STUDIO, TABLE = "label_studio", "table"
# The file of labels in the zip that is kept of an import.
MEMBERS = {LABEL_STUDIO: "colabel-labels.json", TABLE: "colabel-labels.csv"}
SUFFIXES = {".json": LABEL_STUDIO, ".csv": TABLE, ".tsv": TABLE}
MAX_LABELS_BYTES = 200_000_000
SPOOL_BYTES = 1_000_000
CREATE, KNOWN = "create", "known"


@dataclass(frozen=True)
class Options:
    """What was asked for: labels that are new are made ("create") or their pictures skipped
    ("known"), pictures fetched from their addresses or not, and which choices hold the label.
    """

    new_labels: str = CREATE
    fetch: bool = True
    control: str = ""


def create(
    database: Database,
    blobs: Blobs,
    workspace_id: str,
    classifier_id: str,
    file: IO[bytes],
    pictures: IO[bytes] | None = None,
    options: Options | None = None,
) -> Import:
    """Keep a file of labels and the zip of pictures beside it, if any, and queue the import.

    `file` is JSON of Label Studio, a CSV, or a zip that holds one of them and pictures; both must
    seek. Raises BadRequest, TooLarge, Unprocessable, NotFound and NoSpace; then nothing is kept.
    """
    options = checked(options or Options())
    kind, archive = _packed(file, pictures)
    told = asdict(options)
    try:
        return imports.queue(database, blobs, workspace_id, classifier_id, archive, kind, told)
    finally:
        if archive not in (file, pictures):
            archive.close()


def checked(options: Options) -> Options:
    """Return the options. Raises Unprocessable (bad_new_labels)."""
    if options.new_labels not in (CREATE, KNOWN):
        raise Unprocessable(
            "Labels that are new are made (create), or their pictures skipped (known).",
            code="bad_new_labels",
        )
    return options


def run_import(database: Database, blobs: Blobs, settings: Settings, claimed: Claimed) -> Report:
    """Import what was claimed; progress is written with each chunk, in the same transaction.

    Raises LostLease when another worker took it over, and what `take` raises.
    """
    row = claimed.row

    def record(session: Session, report: Report, fresh: tuple[Problem, ...]) -> None:
        imports.note(session, claimed, report, fresh)

    importer = Importer(
        database, blobs, settings, row.classifier_id, origin=f"import:{row.id}", resumes=True
    )
    sha256 = row.archive_sha256 or ""
    with blobs.open(sha256) as stream:
        size = blobs.size(sha256)
        files = import_sources.archive(stream, size, MAX_LABELS_BYTES)
        entry = labels_file(files)
        lines = read_lines(row.label_mode, entry.read(), Options(**(row.options or {})))
        finder = Finder(
            database,
            blobs,
            settings,
            row.classifier_id,
            import_sources.archive(stream, size, settings.max_upload_bytes).without(entry.name),
            before=row.created_at,
        )
        report = take(importer, lines, finder, Options(**(row.options or {})), row, record)
    with database.write() as session:
        imports.WORK.done(session, claimed)
    archives.forget(database, blobs, sha256)
    return report


def take(
    importer: Importer,
    lines: list[Line],
    finder: Finder,
    options: Options,
    row: Import | None = None,
    record: Callable[[Session, Report, tuple[Problem, ...]], None] | None = None,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Import lines; `row` says how far an earlier attempt came.

    Raises Unprocessable (no_pictures) when none of them can be used, NoSpace, Unavailable.
    """
    finder.look(lines, fetches=options.fetch)
    with importer.database.read() as session:
        labels = Labels.of(session, importer.classifier_id, lines, options.new_labels == KNOWN)
        if row is not None and row.done:
            importer.remember(_taken(session, importer))
    begun = None if row is None or not row.done else _begun(row, len(lines))
    entries = Collection([finder.entry(line) for line in lines])
    report = importer.take(entries, labels, record=record, progress=progress, begun=begun)
    if not report.used + report.duplicates:
        first = next(iter(report.problems), None)
        why = f" The first, {first.name}: {first.reason}" if first is not None else ""
        raise Unprocessable(
            f"Of {report.total} pictures in it none could be used.{why}", code="no_pictures"
        )
    return report


def read_lines(kind: str, data: bytes, options: Options) -> list[Line]:
    """Return what a file of labels says, a line for each picture.

    Raises Unprocessable: bad_label_studio, which_control, bad_table.
    """
    if kind == LABEL_STUDIO:
        return label_studio_reading.read(data, options.control)
    return exchange_tables.read(data)


def labels_file(files: Collection) -> import_sources.Entry:
    """Return the one file of labels among these. Raises Unprocessable (no_labels_file)."""
    ours = [one for one in files.entries if one.name in MEMBERS.values()]
    found = ours or [one for one in files.entries if _kind_of(one.name) is not None]
    if len(found) != 1:
        names = ", ".join(one.name for one in found[:5]) or "none"
        raise Unprocessable(
            "In the zip there must be one file of labels (.json or .csv), beside the pictures; "
            f"here it holds {names}.",
            code="no_labels_file",
        )
    return found[0]


def kind_of_file(name: str, beginning: bytes) -> str:
    """Return which form a file of labels has. Raises BadRequest (empty_body)."""
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise BadRequest("This file is empty; export it once more.", code="empty_body")
    if text[:1] in (b"[", b"{"):
        return LABEL_STUDIO
    return _kind_of(name) or TABLE


def _kind_of(name: str) -> str | None:
    return SUFFIXES.get(PurePosixPath(name).suffix.lower())


def _packed(file: IO[bytes], pictures: IO[bytes] | None) -> tuple[str, IO[bytes]]:
    """Return the form of the labels, and a zip that holds them beside their pictures."""
    beginning = file.read(2_000)
    file.seek(0)
    if beginning[:4] in archives.BEGINNINGS:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        entry = labels_file(import_sources.archive(cast(BinaryIO, file), size, MAX_LABELS_BYTES))
        file.seek(0)
        return _kind_of(entry.name) or TABLE, file
    kind = kind_of_file("", beginning)
    if pictures is not None:
        archives.check_zip(pictures)
    target = pictures or tempfile.SpooledTemporaryFile(SPOOL_BYTES, "w+b")  # noqa: SIM115 - kept
    with (
        zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(MEMBERS[kind], "w") as member,
    ):
        _copy(file, member)
    target.seek(0)
    return kind, target


def _copy(file: IO[bytes], member: IO[bytes]) -> None:
    left = MAX_LABELS_BYTES
    while chunk := file.read(SPOOL_BYTES):
        left -= len(chunk)
        if left < 0:
            raise TooLarge(
                f"A file of labels may have {MAX_LABELS_BYTES / 1e6:.0f} MB; split it.",
                code="too_many_bytes",
            )
        member.write(chunk)


def _begun(row: Import, total: int) -> Report:
    return Report(
        total=total,
        done=row.done,
        added=row.added - row.labelled,
        labelled=row.labelled,
        duplicates=row.duplicates,
        earlier=row.skipped,
    )


def _taken(session: Session, importer: Importer) -> dict[str, tuple[str, str | None]]:
    """What an earlier attempt took: by content, what it was called and its label."""
    statement = (
        select(Image.sha256, Example.name, Label.name.label("label"))
        .join(Example, Example.image_id == Image.id)
        .outerjoin(Label, Label.id == Example.label_id)
        .where(Example.classifier_id == importer.classifier_id, Example.origin == importer.origin)
    )
    return {row.sha256: (row.name, row.label) for row in session.execute(statement)}
