"""Pictures that a person hands in on a page: many files at once, each with its path.

The same road as an import of a folder. Nothing of an upload is remembered but its pictures: whoever
sends a file again that was taken already adds nothing, so that an upload goes on by being repeated.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Classifier, Import
from connector.domain import archives, audit_log, classifiers, import_sources, imports
from connector.domain.import_labels import UNLABELLED, Labeller, NoLabels
from connector.domain.import_loop import Importer, Problem, Report
from connector.domain.import_sources import Collection, Entry
from connector.domain.quotas import Quotas
from connector.errors import ColabelError, Unprocessable
from connector.settings import Settings
from connector.storage import Blobs

ORIGIN = "page"
FOLDERS, ONE, NONE = "folders", "one", "none"


@dataclass(frozen=True)
class File:
    """A file as a browser sent it: its path inside what was chosen (with /), and its bytes."""

    name: str
    stream: IO[bytes]


@dataclass(frozen=True)
class Taken:
    """What became of an upload: its pictures, and its zips, which a worker takes up."""

    report: Report
    imports: tuple[Import, ...] = ()


class NearestFolder:
    """The label is the folder's name; what lies in none is kept to be labelled."""

    def label(self, name: str) -> str | None:
        """Return the parent folder's name, None without one."""
        parent = PurePosixPath(name).parent.name
        return parent if parent not in ("", "..", UNLABELLED) else None


@dataclass(frozen=True)
class OneLabel:
    """All have the same label."""

    name: str

    def label(self, _: str) -> str:
        """Return it, whatever the file is called."""
        return self.name


def labeller(session: Session, classifier: Classifier, mode: str, label: str) -> Labeller:
    """Return what tells the labels. Raises Unprocessable for a bad mode or label."""
    if mode == FOLDERS:
        return NearestFolder()
    if mode == NONE:
        return NoLabels()
    if mode != ONE:
        raise Unprocessable(
            "Labels come from the folders, are one for all, or come later.", code="bad_label_mode"
        )
    classifiers.check_label(session, classifier, label)
    return OneLabel(classifiers.label_name(label))


@dataclass(frozen=True)
class Desk:
    """Takes uploads for one classifier."""

    database: Database
    blobs: Blobs
    settings: Settings
    quotas: Quotas
    workspace_id: str
    classifier_id: str

    def take(self, files: Sequence[File], labels: Labeller) -> Taken:
        """Take pictures and zips; what cannot be used is named with its reason and skipped.

        Raises NoSpace, Unavailable.
        """
        wanted = [one for one in files if not import_sources.is_clutter_path(one.name)]
        zips = [one for one in wanted if _is_zip(one)]
        entries = [Entry(one.name, partial(self._read, one)) for one in wanted if one not in zips]
        importer = Importer(
            self.database, self.blobs, self.settings, self.classifier_id, origin=ORIGIN
        )
        report = importer.take(Collection(entries), labels, record=_Recorder(self.classifier_id))
        made, problems = self._queue(zips, labels)
        count, problems = len(wanted), (*report.problems, *problems)
        return Taken(replace(report, total=count, done=count, problems=problems), made)

    def _read(self, file: File) -> bytes:
        data = import_sources.read_bounded(file.stream, self.settings.max_upload_bytes)
        self.quotas.take_bytes(self.workspace_id, [data])
        return data

    def _queue(
        self, zips: Sequence[File], labels: Labeller
    ) -> tuple[tuple[Import, ...], tuple[Problem, ...]]:
        made: list[Import] = []
        problems: list[Problem] = []
        for one in zips:
            try:
                made.append(self._import(one, labels))
            except ColabelError as error:
                problems.append(Problem(one.name, error.code, error.detail))
        return tuple(made), tuple(problems)

    def _import(self, file: File, labels: Labeller) -> Import:
        if isinstance(labels, OneLabel):
            raise Unprocessable(
                "A zip brings its labels by its folders or file names; take labels from the "
                "folders, or unpack it and choose the pictures.",
                code="zip_with_one_label",
            )
        size = file.stream.seek(0, io.SEEK_END)
        file.stream.seek(0)
        self.quotas.take(self.workspace_id, size=size)
        mode = "none" if isinstance(labels, NoLabels) else "auto"
        return imports.create_import(
            self.database, self.blobs, self.workspace_id, self.classifier_id, file.stream, mode
        )


@dataclass
class _Recorder:
    """Notes what a person added, once for each transaction."""

    classifier_id: str
    used: int = 0

    def __call__(self, session: Session, report: Report, _: tuple[Problem, ...]) -> None:
        """Write the entry of what is new since the last one."""
        added, self.used = report.used - self.used, report.used
        if added:
            classifier = session.get_one(Classifier, self.classifier_id)
            after = {"count": added, "origin": ORIGIN}
            audit_log.note_in(session, classifier, "example.added", classifier.id, after=after)


def _is_zip(file: File) -> bool:
    beginning = file.stream.read(4)
    file.stream.seek(0)
    return beginning in archives.BEGINNINGS
