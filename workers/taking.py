"""One complete file of a watched folder: is it new, and if so, accepted as a prediction.

The order of the questions matters: first whether we wrote it ourselves, then whether it is what
was taken from there before, and only then is it a picture that somebody brought.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import count

from sqlalchemy.orm import Session

from connector.actions import local
from connector.domain import predictions, watched_files, written
from connector.domain.predictions import SourceRef, Submission
from connector.domain.quotas import Quotas
from connector.domain.watched import OURS, REFUSED, TAKEN
from connector.domain.watched_files import Seen
from connector.errors import ColabelError, Unprocessable
from connector.inbound.folder import Root, Stat
from connector.pictures import check_size
from workers.folder_memory import Ready
from workers.runtime import Runtime

# These may only mean that a file is not written to its end, so they are believed later than others.
_PERHAPS_UNFINISHED = frozenset({"truncated_picture", "not_a_picture"})
PATIENCE = 10.0
# Not a fault of the file: it waits.
_NOT_YET = frozenset({"no_model", "not_found", "conflict"})


class Postponed(Exception):
    """This file cannot be judged yet; `detail` says why where a person can do something."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True)
class Taken:
    """What is known of the file now. `old`: the path it had before somebody renamed it."""

    seen: Seen
    created: bool = False
    old: str | None = None
    refusal: ColabelError | None = None


@dataclass(frozen=True)
class Taker:
    """Takes files of one source. `settle`: seconds for which a complete file stays the same."""

    rt: Runtime
    quotas: Quotas
    ref: SourceRef
    settle: float

    def take(self, root: Root, path: str, file: Ready, known: Seen | None) -> Taken:
        """Judge one file, and accept it if it is new.

        Raises Postponed for this file alone, ColabelError when nothing can be taken for now.
        """
        before = known or self._former(path)
        if before is not None and before.gone and before.stat.untouched(file.stat):
            # A drive that was away is back with what lay on it.
            return Taken(replace(before, stat=file.stat, gone=False))
        if before is not None and self._only_touched(path, file.stat, before):
            return Taken(replace(before, stat=file.stat))
        try:
            data, stat = self._read(root, path, file)
        except ColabelError as error:
            return self._refused(error, file.stat, before, None)
        sha256 = hashlib.sha256(data).hexdigest()
        with self.rt.database.read() as session:
            judged = self._judge(session, path, stat, sha256, before)
        if judged is not None:
            return judged
        try:
            return self._submit(path, file.name, data, sha256, stat, before)
        except ColabelError as error:
            if not error.permanent or error.code in _NOT_YET:
                raise
            if error.code in _PERHAPS_UNFINISHED and file.age < PATIENCE * self.settle:
                raise Postponed from error
            return self._refused(error, stat, before, sha256)

    def _only_touched(self, path: str, stat: Stat, before: Seen) -> bool:
        """Say whether it is the file it was, without reading it: its rights may be others.

        An undo brings a file back with its old time, and under its old inode where that is free
        again; so can whoever copies one with its time. Then it is another, and is read.
        """
        if before.gone or before.state == REFUSED or not before.stat.same_content(stat):
            return False
        with self.rt.database.read() as session:
            if written.newer(session, path, after=before.written):
                return False
            return watched_files.whereabouts(session, before.prediction_id, path) == "here"

    def _former(self, path: str) -> Seen | None:
        with self.rt.database.read() as session:
            return watched_files.former(session, self.ref.id, path)

    def _read(self, root: Root, path: str, file: Ready) -> tuple[bytes, Stat]:
        """Raises Postponed while it changes, ColabelError for what will stay as it is."""
        settings = self.rt.settings
        try:
            path.encode()
            check_size(file.stat.size, settings)
            data, first, last = root.read(file.folder, file.name, settings.max_upload_bytes)
        except UnicodeEncodeError as error:
            raise Unprocessable(
                "Its name is not valid UTF-8, so that it cannot be kept; rename it.",
                code="unreadable_name",
            ) from error
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Postponed from error
        except PermissionError as error:
            raise Unprocessable(
                "It may not be read; give the user that runs colabel the right to.",
                code="unreadable_file",
            ) from error
        except OSError as error:
            raise Postponed(f"It could not be read ({error.strerror}).") from error
        if not (first == last and first.same_content(file.stat) and len(data) == last.size):
            raise Postponed
        return data, last

    def _judge(
        self, session: Session, path: str, stat: Stat, sha256: str, before: Seen | None
    ) -> Taken | None:
        """Return what is known of a file that is not new; None for one that is."""
        ours = written.look(session, path, sha256, after=before.written if before else "")
        if ours.pending:
            raise Postponed
        if ours.mark is not None:
            base = before or Seen(stat, OURS)
            state = TAKEN if base.state == TAKEN else OURS
            seen = replace(
                base, stat=stat, state=state, sha256=sha256, written=ours.mark, gone=False
            )
            return Taken(seen)
        if before is not None and before.sha256 == sha256:
            if _came_again(session, path, stat, before):
                return None
            return Taken(replace(before, stat=stat, gone=False))
        return self._renamed(session, stat, sha256, before or Seen(stat, OURS))

    def _renamed(self, session: Session, stat: Stat, sha256: str, before: Seen) -> Taken | None:
        for old, seen in watched_files.renamed(session, self.ref.id, stat):
            if seen.sha256 not in (None, sha256):
                continue
            where = watched_files.whereabouts(session, seen.prediction_id, old)
            if where == "busy":
                raise Postponed
            if where == "here":
                generation = max(seen.generation, before.generation)
                mark = max(seen.written, before.written)
                seen = replace(seen, stat=stat, generation=generation, written=mark, gone=False)
                return Taken(seen, old=old)
        return None

    def _submit(
        self, path: str, name: str, data: bytes, sha256: str, stat: Stat, before: Seen | None
    ) -> Taken:
        """Accept it; what does not come to a row of its own is given back to the quota."""
        self.quotas.take(self.ref.workspace_id, pictures=1)
        created = False
        try:
            self.quotas.take_bytes(self.ref.workspace_id, [data])
            taken = self._accept(path, name, data, sha256, stat, before)
            created = taken.created
            return taken
        finally:
            if not created:
                self.quotas.give_back(self.ref.workspace_id, pictures=1)

    def _accept(
        self, path: str, name: str, data: bytes, sha256: str, stat: Stat, before: Seen | None
    ) -> Taken:
        written_before = before.written if before else ""
        for generation in count((before.generation if before else 0) + 1):
            submission = Submission(
                data,
                name=name,
                idempotency_key=f"{written.place(path)}/{generation}/{sha256}",
                location=dict(local(path, sha256)),
            )
            accepted = predictions.submit(
                self.rt.database,
                self.rt.blobs,
                self.rt.settings,
                source=self.ref,
                submission=submission,
                way="folder",
            )
            if accepted.created or self._is_this(accepted.id, path):
                seen = Seen(stat, TAKEN, sha256, generation, accepted.id, written_before)
                return Taken(seen, created=accepted.created)
        raise AssertionError("count() has no end")

    def _is_this(self, prediction_id: str, path: str) -> bool:
        """Whether an earlier prediction is of this very file: accepted, then not written down.

        If its own file went elsewhere since, the same content was brought once more.
        """
        with self.rt.database.read() as session:
            where = watched_files.whereabouts(session, prediction_id, path)
        if where == "busy":
            raise Postponed
        return where == "here"

    @staticmethod
    def _refused(error: ColabelError, stat: Stat, before: Seen | None, sha256: str | None) -> Taken:
        base = before or Seen(stat, REFUSED)
        seen = replace(base, stat=stat, state=REFUSED, sha256=sha256, gone=False)
        return Taken(seen, refusal=error)


def _came_again(session: Session, path: str, stat: Stat, before: Seen) -> bool:
    """Whether the same content was brought anew, rather than touched or moved to and fro."""
    if before.gone and not before.stat.same_content(stat):
        return True
    where = watched_files.whereabouts(session, before.prediction_id, path)
    if where == "busy":
        raise Postponed
    return where == "elsewhere"
