"""The one loop of every import: read, decode, keep, then write rows in small transactions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import changes, examples
from connector.domain.examples import Kept, Outcome
from connector.domain.import_labels import (
    FolderLabels,
    Labeller,
    LabelMode,
    NameLabels,
    NoLabels,
    TableLabels,
    choose,
    read_table,
)
from connector.domain.import_sources import Collection, Entry
from connector.domain.removals import Rescued, put_surely
from connector.errors import ColabelError, NoSpace, Unavailable, Unprocessable
from connector.settings import Settings
from connector.storage import Blobs

CHUNK = 50
SKIPPED, NOTE = "skipped", "note"
THREADS = 2


@dataclass(frozen=True)
class Problem:
    """A file that was skipped, and why; or a `note` of one that was taken."""

    name: str
    code: str
    reason: str
    kind: str = SKIPPED


@dataclass(frozen=True)
class Report:
    """How far an import is: files in all and done; of these added, known already, skipped.

    `labelled`: pictures that waited for a label and got one; `relabelled`: that had another;
    `learnable`: how many of all these give a model something to learn. `earlier`: skipped in an
    attempt before this one. `notes`: what is worth knowing of files that were taken.
    """

    total: int
    done: int = 0
    added: int = 0
    labelled: int = 0
    relabelled: int = 0
    duplicates: int = 0
    learnable: int = 0
    problems: tuple[Problem, ...] = ()
    earlier: int = 0
    notes: tuple[Problem, ...] = ()

    @property
    def skipped(self) -> int:
        """How many files were skipped."""
        return self.earlier + len(self.problems)

    @property
    def used(self) -> int:
        """How many pictures are new, or have another label than before."""
        return self.added + self.labelled + self.relabelled


# Called inside each transaction, with the report so far and the problems that are new.
Record = Callable[[Session, Report, tuple[Problem, ...]], None]


@dataclass(frozen=True)
class _Ready:
    """A file that is read, decoded and kept; its row is still to be written."""

    entry: Entry
    label: str | None
    kept: Kept

    @property
    def name(self) -> str:
        """What the report calls it."""
        return self.entry.name


@dataclass
class Importer:
    """Imports files into one classifier.

    `origin` is written into each example. With `resumes`, examples of the same origin were made by
    an earlier attempt at this very import, and count as added.
    """

    database: Database
    blobs: Blobs
    settings: Settings
    classifier_id: str
    origin: str
    resumes: bool = False
    _seen: dict[str, tuple[str, str | None]] = field(default_factory=dict)

    def remember(self, taken: Mapping[str, tuple[str, str | None]]) -> None:
        """Know what an earlier attempt took: by content, what it was called and its label."""
        self._seen.update(taken)

    def run(
        self,
        collection: Collection,
        mode: LabelMode,
        *,
        table: bytes | None = None,
        record: Record | None = None,
        progress: Callable[[Report], None] | None = None,
    ) -> Report:
        """Import all files; the ones that cannot be used are named in the report and skipped.

        `table` is the CSV for mode "csv" when it is not one of the files. Raises Unprocessable when
        there is no picture at all (no_pictures), NotFound and Unprocessable for the table, NoSpace,
        Unavailable.
        """
        collection, labeller = _prepare(collection, mode, table)
        if not collection.entries:
            raise _no_pictures(mode)
        report = self.take(collection, labeller, record=record, progress=progress)
        if isinstance(labeller, TableLabels):
            report = self._missing(labeller, report, record)
        if not report.used + report.duplicates:
            raise _no_pictures(mode, report.problems)
        return report

    def take(
        self,
        collection: Collection,
        labeller: Labeller,
        *,
        record: Record | None = None,
        progress: Callable[[Report], None] | None = None,
        begun: Report | None = None,
    ) -> Report:
        """Import files that are labelled by `labeller`; `run` without a word on what is missing.

        `begun` is how far an earlier attempt came, whose files are passed over. Raises NoSpace,
        Unavailable.
        """
        report = begun or Report(total=len(collection.entries))
        with ThreadPoolExecutor(THREADS, "import") as pool:
            for chunk in _chunks(collection.entries[report.done :]):
                results = pool.map(lambda entry: self._ready(entry, labeller), chunk)
                report = self._write(list(results), report, record)
                if progress is not None:
                    progress(report)
        return report

    def _ready(self, entry: Entry, labeller: Labeller) -> _Ready | Problem:
        try:
            label = labeller.label(entry.name)
            kept = entry.kept or examples.keep(self.blobs, self.settings, entry.read())
            return _Ready(entry, label, kept)
        except (NoSpace, Unavailable):
            raise  # says nothing of this file
        except ColabelError as error:
            return Problem(entry.name, error.code, error.detail)

    def _write(
        self, results: list[_Ready | Problem], before: Report, record: Record | None
    ) -> Report:
        reads = {one.kept.sha256: one.entry.read for one in results if isinstance(one, _Ready)}
        fresh = reads.keys() - self._seen.keys()

        def write(rescued: Rescued) -> Report:
            # Each time from where this chunk began.
            for sha256 in fresh:
                self._seen.pop(sha256, None)
            return self._try_write(_with_tokens(results, rescued), before, record)

        return put_surely(self.database, self.blobs, lambda sha256: reads[sha256](), write)

    def _try_write(
        self, results: list[_Ready | Problem], before: Report, record: Record | None
    ) -> Report:
        report = before
        with self.database.write() as session:
            classifier = changes.hold(session, self.classifier_id)
            for result in results:
                report = replace(report, done=report.done + 1)
                report = self._count(session, classifier, result, report)
            changes.note(session, classifier.id, report.learnable - before.learnable)
            if record is not None:
                fresh = report.problems[len(before.problems) :] + report.notes[len(before.notes) :]
                record(session, report, fresh)
        return report

    def _count(
        self, session: Session, classifier: Classifier, result: _Ready | Problem, report: Report
    ) -> Report:
        if isinstance(result, _Ready):
            result = self._clash(result) or result
        if isinstance(result, Problem):
            return replace(report, problems=(*report.problems, result))
        again = result.kept.sha256 in self._seen
        self._seen.setdefault(result.kept.sha256, (result.name, result.label))
        try:
            title = result.entry.title or result.name
            put = examples.put(
                session,
                classifier,
                result.kept,
                result.label,
                title,
                self.origin,
                result.entry.by,
            )
        except Unprocessable as error:
            problem = Problem(result.name, error.code, error.detail)
            return replace(report, problems=(*report.problems, problem))
        report = replace(report, learnable=report.learnable + put.learnable)
        if result.entry.note is not None:
            note = Problem(result.name, *result.entry.note, kind=NOTE)
            report = replace(report, notes=(*report.notes, note))
        ours = self.resumes and not again and put.example.origin == self.origin
        return _counted(report, "added" if put.outcome == "duplicate" and ours else put.outcome)

    def _clash(self, ready: _Ready) -> Problem | None:
        """The same picture under two labels in one import: nobody can know which is right."""
        name, label = self._seen.get(ready.kept.sha256, ("", ready.label))
        if label == ready.label:
            return None
        return Problem(
            ready.name,
            "label_clash",
            f"The same picture is also here as {name} with the label “{label}”, which was kept; "
            f"remove one of the two.",
        )

    def _missing(self, labels: TableLabels, report: Report, record: Record | None) -> Report:
        problems = tuple(
            Problem(name, "file_missing", "The table of labels names it, but it is not there.")
            for name in labels.missing()
        )
        report = replace(report, problems=report.problems + problems)
        if problems and record is not None:
            with self.database.write() as session:
                record(session, report, problems)
        return report


def _with_tokens(results: list[_Ready | Problem], rescued: Rescued) -> list[_Ready | Problem]:
    """Say of those that were put again by which token."""
    return [
        replace(one, kept=replace(one.kept, rescued=rescued[one.kept.sha256]))
        if isinstance(one, _Ready) and one.kept.sha256 in rescued
        else one
        for one in results
    ]


def _counted(report: Report, outcome: Outcome) -> Report:
    match outcome:
        case "added":
            return replace(report, added=report.added + 1)
        case "labelled":
            return replace(report, labelled=report.labelled + 1)
        case "relabelled":
            return replace(report, relabelled=report.relabelled + 1)
        case "duplicate":
            return replace(report, duplicates=report.duplicates + 1)


def _prepare(
    collection: Collection, mode: LabelMode, table: bytes | None
) -> tuple[Collection, Labeller]:
    chosen = choose(mode, collection.names)
    if chosen.kind == "folders":
        return collection, FolderLabels()
    if chosen.kind == "names":
        return collection, NameLabels()
    if chosen.kind == "none":
        return collection, NoLabels()
    if table is not None:
        return collection, read_table(table)
    entry = collection.find(chosen.table)
    return collection.without(entry.name), read_table(entry.read())


def _chunks(entries: list[Entry]) -> Iterator[Iterable[Entry]]:
    iterator = iter(entries)
    while chunk := list(itertools.islice(iterator, CHUNK)):
        yield chunk


def _no_pictures(mode: LabelMode, problems: tuple[Problem, ...] = ()) -> Unprocessable:
    wanted = (
        "There is no picture in it; give a folder or zip of pictures."
        if mode.kind == "none"
        else "There is no picture with a label in it; give a folder or zip with one folder of "
        "pictures per label."
    )
    first = f" The first file, {problems[0].name}: {problems[0].reason}" if problems else ""
    return Unprocessable(wanted + first, code="no_pictures")
