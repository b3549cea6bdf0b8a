"""Imports: a folder here and now, or a zip that a worker takes up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.insert import insert_all_missing
from connector.db.session import want
from connector.db.tables import Classifier, Import, ImportProblem
from connector.db.types import Json
from connector.domain import (
    archives,
    audit_log,
    classifiers,
    import_sources,
    longwork,
    resources,
    samples,
)
from connector.domain.import_labels import LabelMode, parse_mode
from connector.domain.import_loop import NOTE, SKIPPED, Importer, Problem, Report
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import NotFound
from connector.ids import new_id
from connector.settings import Settings
from connector.storage import Blobs

SHOWN_PROBLEMS = 1000


Claimed = longwork.Claimed[Import]
WORK = longwork.LongWork(
    Import,
    "import",
    f"Importing this archive ended the worker {longwork.STRIKES} times, so it was set aside; "
    "split it into smaller ones to find the file that does it.",
)


def run_folder(
    database: Database,
    blobs: Blobs,
    settings: Settings,
    classifier_id: str,
    path: Path,
    labels: str = "auto",
    *,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Import a folder, or a zip file, from this machine. Run again, it goes on where it was.

    Raises NotFound (no such folder or table), and what `Importer.run` raises.
    """
    mode = parse_mode(labels)
    mode, table = _table(mode, path)
    with database.write() as session:
        classifier = session.get_one(Classifier, classifier_id)
        after = {"labels": str(mode), "path": str(path)}
        audit_log.note_in(session, classifier, "import.started", classifier_id, after=after)
    importer = Importer(database, blobs, settings, classifier_id, origin="import")
    if path.is_file():
        with path.open("rb") as stream:
            files = import_sources.archive(stream, path.stat().st_size, settings.max_upload_bytes)
            return importer.run(files, mode, table=table, progress=progress)
    files = import_sources.folder(path, settings.max_upload_bytes)
    return importer.run(files, mode, table=table, progress=progress)


def _table(mode: LabelMode, path: Path) -> tuple[LabelMode, bytes | None]:
    """Read the table when it is a file of its own; one inside the folder is found there."""
    file = Path(mode.table)
    if mode.kind != "csv" or not file.is_file():
        return mode, None
    if file.resolve().is_relative_to(path.resolve()):
        return LabelMode("csv", file.resolve().relative_to(path.resolve()).as_posix()), None
    return mode, file.read_bytes()


def create_import(
    database: Database,
    blobs: Blobs,
    workspace_id: str,
    classifier_id: str,
    archive: IO[bytes],
    labels: str = "auto",
) -> Import:
    """Keep a zip, synced, and then queue its import; `archive` is read in chunks and must seek.

    Raises Unprocessable for a bad mode or no zip, NotFound and NoSpace; then nothing is kept.
    """
    mode = parse_mode(labels)
    archives.check_zip(archive)
    return queue(database, blobs, workspace_id, classifier_id, archive, str(mode))


def queue(
    database: Database,
    blobs: Blobs,
    workspace_id: str,
    classifier_id: str,
    archive: IO[bytes],
    mode: str,
    options: Json | None = None,
) -> Import:
    """Keep a zip, synced, and then write the row of its import; with `options` another tool's.

    Raises NotFound and NoSpace; then nothing is kept.
    """
    while True:
        sha256 = blobs.put_stream(archive)
        try:
            with database.write() as session:
                classifier = classifiers.get_classifier(session, workspace_id, classifier_id)
                if archives.reserve(session, blobs, sha256):
                    return _queue(session, classifier, mode, sha256, options)
        except NotFound:
            archives.forget(database, blobs, sha256)
            raise
        # An import of the same zip has just finished and taken its bytes away: once more.
        archive.seek(0)


def _queue(
    session: Session, classifier: Classifier, mode: str, sha256: str, options: Json | None
) -> Import:
    row = Import(
        id=new_id("imp"),
        classifier_id=classifier.id,
        label_mode=mode,
        options=options,
        archive_sha256=sha256,
    )
    session.add(row)
    session.flush()
    after = {"labels": row.label_mode}
    audit_log.note_in(session, classifier, "import.started", row.id, after=after)
    want(session, "train")
    return row


def get_import(session: Session, classifier: Classifier, import_id: str) -> Import:
    """Return one import. Raises NotFound."""
    row = session.get(Import, import_id)
    if row is None or row.classifier_id != classifier.id:
        raise NotFound(f"There is no import {import_id} here.")
    return row


def list_imports(
    session: Session,
    classifier: Classifier,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Import]:
    """Return imports, newest first. Raises BadRequest for bad paging."""
    statement = select(Import).where(Import.classifier_id == classifier.id)
    return page(session, statement, Import.id, cursor=cursor, limit=limit)


def resource(session: Session, row: Import, public_url: str) -> dict[str, Any]:
    """Return the resource as JSON values, with its first problems and notes."""
    return {
        "id": row.id,
        "classifier_id": row.classifier_id,
        "status": row.status,
        "label_mode": row.label_mode,
        "total": row.total,
        "done": row.done,
        "added": row.added,
        "labelled": row.labelled,
        "duplicates": row.duplicates,
        "skipped": row.skipped,
        "error": resources.problem(row.error_code, row.error),
        "problems": _shown(session, row, SKIPPED),
        "notes": _shown(session, row, NOTE),
        "url": f"{public_url}/api/v1/classifiers/{row.classifier_id}/imports/{row.id}",
        "created_at": resources.iso(row.created_at),
        "finished_at": resources.iso(row.finished_at),
    }


def _shown(session: Session, row: Import, kind: str) -> list[dict[str, str]]:
    statement = (
        select(ImportProblem.name, ImportProblem.code, ImportProblem.reason)
        .where(ImportProblem.import_id == row.id, ImportProblem.kind == kind)
        .order_by(ImportProblem.name)
        .limit(SHOWN_PROBLEMS)
    )
    return [dict(one._mapping) for one in session.execute(statement)]


def claim(session: Session, seconds: float) -> Claimed | None:
    """Claim the oldest import that nobody holds. One that killed three workers fails instead."""
    return WORK.claim(session, seconds, samples.claimable())


def run_zip(database: Database, blobs: Blobs, settings: Settings, claimed: Claimed) -> Report:
    """Import a claimed archive; progress is written with each chunk, in the same transaction.

    Raises LostLease when another worker took it over, and what `Importer.run` raises.
    """
    row = claimed.row
    sha256 = row.archive_sha256 or ""

    def record(session: Session, report: Report, fresh: tuple[Problem, ...]) -> None:
        note(session, claimed, report, fresh)

    importer = Importer(
        database, blobs, settings, row.classifier_id, origin=f"import:{row.id}", resumes=True
    )
    with blobs.open(sha256) as stream:
        size = blobs.size(sha256)
        files = import_sources.archive(stream, size, settings.max_upload_bytes)
        report = importer.run(files, parse_mode(row.label_mode), record=record)
    with database.write() as session:
        WORK.done(session, claimed)
    archives.forget(database, blobs, sha256)
    return report


def fail(database: Database, blobs: Blobs, claimed: Claimed, code: str, sentence: str) -> None:
    """Say why an import came to nothing; its archive is not kept. Raises LostLease."""
    with database.write() as session:
        WORK.fail(session, claimed, code, sentence)
    if claimed.row.archive_sha256:
        archives.forget(database, blobs, claimed.row.archive_sha256)


def note(session: Session, claimed: Claimed, report: Report, fresh: tuple[Problem, ...]) -> None:
    """Write how far an import is, within the transaction of its chunk. Raises LostLease."""
    row = WORK.held(session, claimed)
    row.total, row.done, row.skipped = report.total, report.done, report.skipped
    row.added, row.duplicates = report.used, report.duplicates
    row.labelled = report.labelled + report.relabelled
    insert_all_missing(
        session,
        ImportProblem,
        [
            {
                "import_id": row.id,
                "kind": p.kind,
                "name": p.name,
                "code": p.code,
                "reason": p.reason,
            }
            for p in fresh
        ],
        ["import_id", "name"],
    )
