"""What a watcher remembers of a folder: which files it knows, and which may still grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from connector.domain.watched import EXISTING
from connector.domain.watched_files import Seen
from connector.inbound.folder import Listing, Stat

# Files that stay as they are and still cannot be taken are looked for this often at every look,
# then at whole looks only: an empty file that was forgotten must not cost anything.
IMPATIENT_LOOKS = 30


@dataclass
class Unfinished:
    """A file that is not taken yet: how it is and since when, and when to try it next."""

    stat: Stat
    since: float
    try_at: float
    looks: int = 0


@dataclass(frozen=True)
class Ready:
    """A file that has stayed the same for long enough. `age`: for how many seconds."""

    folder: str
    name: str
    stat: Stat
    age: float


class Memory:
    """Compares listings with what is known. `changed` gathers what is to be written down."""

    def __init__(self, root: str, known: Mapping[str, Seen], settle: float) -> None:
        self.root, self._settle = root, settle
        self.changed: dict[str, Seen] = {}
        self._known: dict[str, dict[str, Seen]] = {}
        self._unfinished: dict[str, dict[str, Unfinished]] = {}
        self._folders: dict[str, set[str]] = {}
        start = f"{root.rstrip('/')}/"
        for path, seen in known.items():
            if path.startswith(start):
                folder, _, name = path[len(start) :].rpartition("/")
                self._known.setdefault(folder, {})[name] = seen
                self._enter(folder)

    def _enter(self, folder: str) -> None:
        while folder:
            above, _, name = folder.rpartition("/")
            self._folders.setdefault(above, set()).add(name)
            folder = above

    def path(self, folder: str, name: str) -> str:
        """Return the whole path of a file."""
        return "/".join(part for part in (self.root.rstrip("/"), folder, name) if part)

    @property
    def files(self) -> int:
        """How many files are known to lie there."""
        return sum(map(len, self._known.values())) + self.unfinished

    @property
    def unfinished(self) -> int:
        """How many of them are new and not taken yet."""
        return sum(
            name not in self._known.get(folder, {})
            for folder, names in self._unfinished.items()
            for name in names
        )

    def get(self, folder: str, name: str) -> Seen | None:
        """Return what is known of a file that lay there at the last look."""
        return self._known.get(folder, {}).get(name)

    def keep(self, folder: str, name: str, seen: Seen) -> None:
        """The file is dealt with until it changes."""
        self._known.setdefault(folder, {})[name] = seen
        self._unfinished.get(folder, {}).pop(name, None)
        self.changed[self.path(folder, name)] = seen

    def postpone(self, folder: str, name: str, until: float) -> None:
        """Try the file again then."""
        entry = self._unfinished.get(folder, {}).get(name)
        if entry is not None:
            entry.try_at = until

    def compare(
        self, listing: Listing, now: float, existing: Callable[[str, str, Stat], bool]
    ) -> None:
        """See what came, changed and went. `existing` says of an unknown file that it is old."""
        folder, files = listing.folder, listing.files
        known = self._known.setdefault(folder, {})
        waiting = self._unfinished.setdefault(folder, {})
        for name in [name for name in known if name not in files]:
            self._gone(folder, name)
        for name in [name for name in waiting if name not in files]:
            del waiting[name]
        for name, stat in files.items():
            seen = known.get(name)
            if seen is None and existing(folder, name, stat):
                self.keep(folder, name, Seen(stat, EXISTING))
            elif seen is not None and _unchanged(seen, stat):
                waiting.pop(name, None)
            else:
                self._wait(waiting, name, stat, now)
        if listing.folders is not None:
            for name in self._folders.get(folder, set()) - listing.folders:
                self.drop(f"{folder}/{name}".lstrip("/"))
            self._folders[folder] = set(listing.folders)

    def drop(self, folder: str) -> None:
        """A folder is gone, with everything in it."""
        for name in self._folders.pop(folder, set()):
            self.drop(f"{folder}/{name}")
        for name in list(self._known.get(folder, {})):
            self._gone(folder, name)
        self._known.pop(folder, None)
        self._unfinished.pop(folder, None)

    def _gone(self, folder: str, name: str) -> None:
        seen = self._known[folder].pop(name)
        self.changed[self.path(folder, name)] = replace(seen, gone=True)

    def _wait(self, waiting: dict[str, Unfinished], name: str, stat: Stat, now: float) -> None:
        entry = waiting.get(name)
        if entry is None or not entry.stat.same_content(stat):
            waiting[name] = Unfinished(stat, now, now + self._settle)
        else:
            entry.looks += 1

    def restless(self, folder: str) -> bool:
        """Say whether a file in it is to be looked at next time, though nothing came or went."""
        waiting = self._unfinished.get(folder, {})
        return any(entry.looks < IMPATIENT_LOOKS for entry in waiting.values())

    def ready(self, now: float) -> Iterator[Ready]:
        """Yield the files to be taken now, those first that have waited longest."""
        found = [
            Ready(folder, name, entry.stat, now - entry.since)
            for folder, names in self._unfinished.items()
            for name, entry in names.items()
            # Seen twice in the same state, so long apart; an empty one is still to be written.
            if entry.looks and entry.stat.size and entry.try_at <= now
        ]
        return iter(sorted(found, key=lambda one: -one.age))


def _unchanged(seen: Seen, stat: Stat) -> bool:
    if seen.state == EXISTING:
        return seen.stat.same_content(stat)
    # Its rights may be others now, or it is another file under the inode of one that went.
    return seen.stat.untouched(stat)
