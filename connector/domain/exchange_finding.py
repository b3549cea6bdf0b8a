"""Where the pictures of an import from another tool are: here, in the zip beside it, or elsewhere.

In this order: a picture of the workspace with the hash that the line tells; a file of the zip; the
address, which is fetched; and a picture of the classifier that has the file's name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Classifier, Example, Image, Label
from connector.domain.examples import Kept
from connector.domain.exchange_fetching import Fetcher
from connector.domain.exchange_lines import Line
from connector.domain.import_labels import NoLabel
from connector.domain.import_sources import Collection, Entry
from connector.errors import ColabelError
from connector.pictures import PictureInfo
from connector.settings import Settings
from connector.storage import Blobs

AT_ONCE = 500


class NotFoundHere(ColabelError):
    """A line whose picture cannot be found."""

    default_code = "picture_not_found"


@dataclass(frozen=True)
class Labels:
    """Tells the labels of lines by what the report calls them; `known` refuses all others."""

    lines: dict[str, Line]
    known: frozenset[str] | None

    @classmethod
    def of(
        cls, session: Session, classifier_id: str, lines: Sequence[Line], only_known: bool
    ) -> Labels:
        """Return the labels of these lines, those of the classifier alone with `only_known`."""
        known = None
        if only_known:
            names = select(Label.name).where(Label.classifier_id == classifier_id)
            known = frozenset(session.scalars(names))
        return cls({line.shown: line for line in lines}, known)

    def label(self, name: str) -> str | None:
        """Return the line's label. Raises NoLabel for what cannot be used."""
        line = self.lines[name]
        if line.problem is not None:
            code, sentence = line.problem
            raise NoLabel(sentence, code=code)
        if line.label is not None and self.known is not None and line.label not in self.known:
            raise NoLabel(
                f"“{line.label}” is no label here, and new ones are not to be made.",
                code="unknown_label",
            )
        return line.label


class Finder:
    """Finds the pictures of one import. `files`: the zip beside it.

    Only pictures from `before` the import was asked for are found by name, so that another attempt
    at it finds the same ones.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Settings,
        classifier_id: str,
        files: Collection,
        before: datetime,
    ) -> None:
        self._database, self._blobs, self._settings = database, blobs, settings
        self._classifier_id, self._before = classifier_id, before
        self._paths = {one.name.casefold(): one for one in files.entries}
        self._files: dict[str, list[Entry]] = defaultdict(list)
        for one in files.entries:
            self._files[PurePosixPath(one.name).name.casefold()].append(one)
        self._by_hash: dict[str, Kept] = {}
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self._fetches = True
        self._fetcher = Fetcher(database, settings)
        self._workspace_id = ""

    def look(self, lines: Sequence[Line], *, fetches: bool) -> None:
        """Look up, once for all lines, what is here already."""
        self._fetches = fetches
        names = {name for line in lines for name in line.names}
        with self._database.read() as session:
            row = session.get_one(Classifier, self._classifier_id)
            self._workspace_id = self._fetcher.workspace_id = row.workspace_id
            self._look_for_names(session, names)
            hashes = {line.sha256 for line in lines if line.sha256}
            self._look_for_hashes(session, hashes | set().union(*self._by_name.values()))

    def entry(self, line: Line) -> Entry:
        """Return the line as a file of an import; looking for it raises what reading it raises."""
        title = line.names[0] if line.names else ""
        kept = self._by_hash.get(line.sha256)
        if line.problem is not None:
            return Entry(line.shown, partial(_nothing, line))
        find = self._in_zip(line)
        if kept is None and find is None and not self._is_fetched(line):
            kept, find = self._named(line)
        if kept is not None:
            find = partial(self._blobs.read, kept.sha256)
        return Entry(
            line.shown,
            find or partial(self._fetcher.get, line.image),
            kept=kept,
            title=title,
            by=line.by,
            note=line.note,
        )

    def _is_fetched(self, line: Line) -> bool:
        # Of our own, whoever may see it is known by a key, which this has not.
        ours = line.image.startswith(f"{self._settings.public_url}/")
        return self._fetches and line.is_address and not ours

    def _in_zip(self, line: Line) -> Callable[[], bytes] | None:
        exact = self._paths.get(line.path.casefold()) if line.image else None
        if exact is not None:
            return exact.read
        for name in line.names:
            found = self._files.get(name.casefold(), [])
            if len(found) == 1:
                return found[0].read
            if found:
                best = _closest(line.path, found)
                return best.read if best is not None else partial(_several, name, "in the zip")
        return None

    def _named(self, line: Line) -> tuple[Kept | None, Callable[[], bytes]]:
        for name in line.names:
            found = self._by_name.get(name, set())
            if len(found) == 1:
                return self._by_hash.get(next(iter(found))), partial(_missing, line)
            if found:
                return None, partial(_several, name, "here")
        return None, partial(_missing, line)

    def _look_for_names(self, session: Session, names: set[str]) -> None:
        statement = (
            select(Example.name, Image.sha256)
            .join(Image, Image.id == Example.image_id)
            .where(
                Example.classifier_id == self._classifier_id,
                Example.created_at < self._before,
                Example.name != "",
            )
        )
        for name, sha256 in session.execute(statement.execution_options(yield_per=AT_ONCE)):
            if name in names:
                self._by_name[name].add(sha256)

    def _look_for_hashes(self, session: Session, hashes: set[str]) -> None:
        for some in _parts(sorted(hashes)):
            statement = select(Image).where(
                Image.workspace_id == self._workspace_id,
                Image.sha256.in_(some),
                Image.deleted_at.is_(None),
            )
            for row in session.scalars(statement):
                info = PictureInfo("", row.media_type, "", row.width, row.height)
                self._by_hash[row.sha256] = Kept(row.sha256, row.size, info)


def _closest(path: str, found: Sequence[Entry]) -> Entry | None:
    """Return the file whose path agrees longest with `path` from its end, if it is one alone."""
    wanted = [part.casefold() for part in PurePosixPath(path).parts][::-1]

    def agreed(entry: Entry) -> int:
        parts = [part.casefold() for part in PurePosixPath(entry.name).parts][::-1]
        pairs = zip(wanted, parts, strict=False)
        return sum(1 for _ in _while_equal(pairs))

    scores = sorted(((agreed(one), one.name, one) for one in found), reverse=True)
    return scores[0][2] if scores[0][0] > scores[1][0] else None


def _while_equal(pairs: Iterator[tuple[str, str]]) -> Iterator[None]:
    for one, other in pairs:
        if one != other:
            return
        yield None


def _parts(hashes: Sequence[str]) -> Iterator[list[str]]:
    iterator = iter(hashes)
    while some := list(islice(iterator, AT_ONCE)):
        yield some


def _nothing(line: Line) -> bytes:
    raise NotFoundHere(f"{line.shown} cannot be used.")


def _several(name: str, where: str) -> bytes:
    raise NotFoundHere(
        f"Several pictures {where} are called {name}; tell them apart by sha256.",
        code="ambiguous_name",
    )


def _missing(line: Line) -> bytes:
    if "://" in line.image and not line.is_address:
        scheme = line.image.partition("://")[0]
        raise NotFoundHere(
            f"It lies in a store ({scheme}) that this import cannot ask; put the pictures into a "
            "zip beside the file."
        )
    raise NotFoundHere(
        f"No picture called {line.names[0] if line.names else line.shown} is here or in the zip; "
        "put the pictures into a zip beside the file."
    )
