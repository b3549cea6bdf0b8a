"""One watched folder: look, wait until files are complete, and take each content once.

What is known of each file is kept in memory and in the database, which is the truth: a look
writes down what it found, and whoever watches next begins with that. A picture is accepted under
a key made of its path, its content, and how many contents came from that path before; so one that
was accepted and not written down before a crash is found again instead of being taken twice.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from connector.db.types import utcnow
from connector.domain import folders, source_events, watched, watched_files
from connector.domain.quotas import Quotas
from connector.domain.watched import Facts, Hold
from connector.errors import ColabelError, LostLease, Unavailable
from connector.inbound.folder import Listing, Root, Stat, Tree
from workers.folder_memory import Memory, Ready
from workers.runtime import Runtime
from workers.taking import Postponed, Taken, Taker

logger = logging.getLogger(__name__)

# Looking takes at most a tenth of a core, looking at every file a twenty-fifth.
REST, WHOLE_REST = 10.0, 25.0
# A file that is written to in place changes no folder, so now and then every file is looked at.
WHOLE_EVERY = 5
MOST_AT_ONCE = 200
WRITTEN_AT_ONCE = 20
STATE_SECONDS = 30.0
AGAIN_SECONDS = 5.0


@dataclass
class Watcher:
    """Looks at one source's folder; one thread at a time calls `look`."""

    rt: Runtime
    quotas: Quotas
    source_id: str
    next_at: float = 0.0
    _hold: Hold | None = None
    _tree: Tree | None = None
    _memory: Memory | None = None
    _said: tuple[str, str | None, str | None] = ("starting", None, None)
    _device: int | None = None
    _renew_at: float = 0.0
    _state_at: float = 0.0
    _whole_at: float = 0.0
    _held_back_until: float = 0.0
    _noted: set[str] = field(default_factory=set)

    def look(self) -> int:
        """Look once; return how many pictures were taken. Raises ColabelError."""
        started, taken = time.monotonic(), 0
        try:
            if self._take_hold():
                taken = self._look()
        except LostLease as error:
            logger.info(error.detail)
            self.let_go()
        except BaseException:
            # What was found and is not written down must be found again.
            self._memory = None
            raise
        took = 0.0 if taken else time.monotonic() - started
        pause = max(self.rt.settings.watch_seconds, REST * took)
        self.next_at = time.monotonic() + (0 if taken >= MOST_AT_ONCE else pause)
        return taken

    def wait_a_little(self) -> None:
        """Look again only after a while: something outside is amiss."""
        self.next_at = time.monotonic() + max(self.rt.settings.watch_seconds, 1.0)

    def let_go(self) -> None:
        """Give the folder to whoever comes next, and forget what is known of it."""
        hold, self._hold, self._memory = self._hold, None, None
        if hold is not None:
            with self.rt.database.write() as session:
                watched.let_go(session, hold)

    def _take_hold(self) -> bool:
        seconds = self.rt.settings.lease_seconds
        if self._hold is None:
            with self.rt.database.write() as session:
                self._hold = watched.take_hold(session, self.source_id, seconds)
                if self._hold is not None:
                    watched_files.prune(session, self.source_id)
            self._renew_at = time.monotonic() + seconds / 3
            if self._hold is None:
                return False
            self._said = self._hold.said
        self._keep()
        return True

    def _keep(self) -> None:
        """Go on holding the folder while this takes its time. Raises LostLease."""
        if time.monotonic() >= self._renew_at:
            self._write_state()

    def _look(self) -> int:
        assert self._hold is not None
        with self.rt.database.read() as session:
            facts = watched.facts(session, self._hold)
        if self._tree is None or self._tree.settings != facts.settings:
            self._tree, self._memory = Tree(facts.settings, self._skipped()), None
        try:
            with self._tree.opened() as root:
                return self._look_into(root, self._tree, facts)
        except OSError as error:
            reason = error.strerror or str(error)
            self._say(
                "away",
                watched.AWAY,
                f"{facts.settings.path} cannot be looked into ({reason}); it is gone on with when "
                "that is mended.",
            )
            return 0

    def _skipped(self) -> frozenset[tuple[int, int]]:
        """What we keep is no picture that somebody brought, even below a folder that is watched."""
        found = set()
        for folder in (self.rt.settings.data_dir, self.rt.settings.blobs_dir):
            if folder.is_dir():
                about = folder.stat()
                found.add((about.st_dev, about.st_ino))
        return frozenset(found)

    def _look_into(self, root: Root, tree: Tree, facts: Facts) -> int:
        own = folders.sorted_dir(self.rt.database, self.rt.settings, facts.ref.workspace_id)
        try:
            watched.check_allowed(self.rt.settings, own, root.path)
        except ColabelError as error:
            self._say("away", error.code, error.detail)
            return 0
        memory = self._remembered(root)
        if self._seems_unmounted(root, memory):
            path = facts.settings.path
            sentence = f"{path} is empty and on another drive than before: is it still mounted?"
            self._say("away", watched.AWAY, sentence)
            return 0
        self._survey(root, tree, memory, facts)
        if time.monotonic() < self._held_back_until:
            return 0
        return self._take_ready(root, memory, facts)

    def _remembered(self, root: Root) -> Memory:
        if self._memory is None or self._memory.root != str(root.path):
            with self.rt.database.read() as session:
                known = watched_files.load(session, self.source_id)
            self._memory = Memory(str(root.path), known, self.rt.settings.watch_seconds)
            self._whole_at = 0.0
        return self._memory

    def _seems_unmounted(self, root: Root, memory: Memory) -> bool:
        device = os.fstat(root.descriptor).st_dev
        if device != self._device and self._device is not None and memory.files:
            with os.scandir(root.descriptor) as entries:
                if next(entries, None) is None:
                    return True
        self._device = device
        return False

    def _survey(self, root: Root, tree: Tree, memory: Memory, facts: Facts) -> None:
        """Compare what lies there with what is known, and write down what was found."""
        started = time.monotonic()
        whole, complete = started >= self._whole_at, True

        def existing(folder: str, name: str, stat: Stat) -> bool:
            return facts.counts_as_existing(memory.path(folder, name), stat)

        for listing in tree.look(root, whole=whole):
            self._keep()
            if self.rt.stopping.is_set():
                return
            if listing.error is not None:
                # What nobody may read stays so; anything else is looked for again.
                complete = complete and isinstance(listing.error, PermissionError)
                self._note_unreadable(listing)
                continue
            memory.compare(listing, time.monotonic(), existing)
            if memory.restless(listing.folder):
                tree.distrust(listing.folder)
        self._write_down(memory)
        if whole:
            now = time.monotonic()
            pause = max(WHOLE_EVERY * self.rt.settings.watch_seconds, WHOLE_REST * (now - started))
            self._whole_at = now + pause
        if whole and complete and not facts.surveyed:
            self._write_state(surveyed=True, before=None)

    def _note_unreadable(self, listing: Listing) -> None:
        if listing.folder == "" and listing.error is not None:
            raise listing.error
        reason = listing.error.strerror if listing.error else ""
        self._note("unreadable_folder", f"{_shown(listing.folder)}: not looked into ({reason}).")

    def _take_ready(self, root: Root, memory: Memory, facts: Facts) -> int:
        ready = list(memory.ready(time.monotonic()))
        taker = Taker(self.rt, self.quotas, facts.ref, self.rt.settings.watch_seconds)
        created = 0
        with self._minding(memory):
            for file in ready[:MOST_AT_ONCE]:
                if self.rt.stopping.is_set():
                    break
                self._keep()
                created += self._take(taker, root, memory, file)
                if len(memory.changed) >= WRITTEN_AT_ONCE:
                    self._write_down(memory)
        return created

    @contextmanager
    def _minding(self, memory: Memory) -> Iterator[None]:
        """Write down what was taken; when nothing can be taken, wait and say why."""
        try:
            yield
        except LostLease:
            raise
        except Unavailable as error:
            if error.code == "database_unavailable":
                raise
            self._hold_back(error)
        except ColabelError as error:
            self._hold_back(error)
        except OSError as error:
            reason = error.strerror or str(error)
            self._hold_back(Unavailable(f"A picture could not be kept ({reason})."))
        else:
            self._say("watching", None, None)
        self._write_down(memory)

    def _hold_back(self, error: ColabelError) -> None:
        self._held_back_until = time.monotonic() + min(error.retry_after or AGAIN_SECONDS, 15)
        self._say("waiting", error.code, error.detail)

    def _take(self, taker: Taker, root: Root, memory: Memory, file: Ready) -> bool:
        path = memory.path(file.folder, file.name)
        try:
            taken = taker.take(root, path, file, memory.get(file.folder, file.name))
        except Postponed as postponed:
            memory.postpone(file.folder, file.name, time.monotonic() + taker.settle)
            if postponed.detail is not None:
                self._note("unreadable_file", f"{_shown(path)}: {postponed.detail}")
            return False
        memory.keep(file.folder, file.name, taken.seen)
        if taken.refusal is not None or taken.old is not None:
            self._write_down(memory, path, taken)
        return taken.created

    def _write_down(self, memory: Memory, path: str = "", taken: Taken | None = None) -> None:
        """Commit what changed, together with what else came of one file. Raises LostLease."""
        assert self._hold is not None
        while len(memory.changed) > watched_files.BATCH:
            # Many at once would keep everybody else from writing.
            names = list(memory.changed)[: watched_files.BATCH]
            part = {name: memory.changed[name] for name in names if _storable(name)}
            with self.rt.database.write() as session:
                watched_files.record(session, self._hold, part)
            for name in names:
                del memory.changed[name]
            self._keep()
        if not memory.changed:
            return
        changed = {name: seen for name, seen in memory.changed.items() if _storable(name)}
        with self.rt.database.write() as session:
            watched_files.record(session, self._hold, changed)
            if taken is not None and taken.old is not None and taken.seen.prediction_id is not None:
                watched_files.follow(session, taken.seen.prediction_id, taken.old, path)
            if taken is not None and taken.refusal is not None:
                detail = f"{_shown(path)}: {taken.refusal.detail}"
                code = taken.refusal.code
                # A name that cannot be kept is refused anew by every process that sees it.
                if _storable(path) or not watched.noted_before(
                    session, self.source_id, code, detail
                ):
                    source_events.note_refusal(
                        session, self.source_id, code=code, detail=detail, pictures=1
                    )
        memory.changed.clear()

    def _note(self, code: str, detail: str) -> None:
        """Tell the source's owner once."""
        if detail in self._noted:
            return
        self._noted.add(detail)
        with self.rt.database.write() as session:
            if not watched.noted_before(session, self.source_id, code, detail):
                source_events.note_refusal(
                    session, self.source_id, code=code, detail=detail, pictures=0, calls=0
                )

    def _say(self, state: str, code: str | None, detail: str | None) -> None:
        """Show how it goes: at once when that changed, else now and then."""
        before, self._said = self._said, (state, code, detail)
        if before != self._said or time.monotonic() >= self._state_at:
            self._write_state()

    def _write_state(self, **values: object) -> None:
        assert self._hold is not None
        seconds = self.rt.settings.lease_seconds
        state, code, detail = self._said
        if self._memory is not None:
            values |= {"files": self._memory.files, "unfinished": self._memory.unfinished}
        values |= {"state": state, "code": code, "detail": detail, "looked_at": utcnow()}
        with self.rt.database.write() as session:
            was = watched.note_state(session, self._hold, seconds, **values)
            if "away" in (was, state) and was != state:
                away = state == "away"
                source_events.note_refusal(
                    session,
                    self.source_id,
                    code=(code or watched.AWAY) if away else watched.BACK,
                    detail=detail if away and detail else "The folder is back; it goes on.",
                    pictures=0,
                    calls=0,
                )
        self._renew_at = time.monotonic() + seconds / 3
        self._state_at = time.monotonic() + STATE_SECONDS


def _storable(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(path: str) -> str:
    return path.encode(errors="backslashreplace").decode()
