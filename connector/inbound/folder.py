"""A folder as a source: its settings, and looks at what lies in it that cannot be led astray.

Everything is opened relative to the folder above it and no symbolic link is followed, so that
whoever may write into a watched folder cannot make us read outside of it.
"""

from __future__ import annotations

import os
import re
import stat as modes
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from connector.errors import Unprocessable, UnsupportedMedia

SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
)
MAX_PATH = 1_000
MAX_SUFFIXES = 50
MAX_DEPTH = 100
# A folder's time tells that nothing came since it was read only once it is this old: file systems
# count time in steps of up to two seconds, and a server's clock is not exactly ours.
TRUSTED_AFTER_NS = 3 * 10**9
_SUFFIX = re.compile(r"\.[\w.-]{1,20}")
_UNFINISHED = (".part", ".tmp", ".partial", ".crdownload", ".filepart")
# What systems keep for themselves on a drive.
_CLUTTER = frozenset({"lost+found", "@eadir", "$recycle.bin", "system volume information"})
_NO_LINK = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True)
class FolderSettings:
    """Which files of which folder are watched for."""

    path: str
    recursive: bool = True
    suffixes: tuple[str, ...] = SUFFIXES

    def wants(self, name: str) -> bool:
        """Say whether a file of this name may be a finished one of the kind that is wanted."""
        lower = name.lower()
        return (
            not name.startswith((".", "~"))
            and not lower.endswith((*_UNFINISHED, "~"))
            and lower.endswith(self.suffixes)
        )

    def covers(self, path: str) -> bool:
        """Say whether the file at this path is one of them."""
        folder, _, name = path.rpartition("/")
        below = self.recursive and folder.startswith(f"{self.path.rstrip('/')}/")
        return (folder == self.path or below) and self.wants(name)

    def as_kept(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return {"path": self.path, "recursive": self.recursive, "suffixes": list(self.suffixes)}


def checked(settings: Mapping[str, Any]) -> FolderSettings:
    """Return a source's settings. Raises Unprocessable (bad_source_settings)."""
    unknown = sorted(set(settings) - {"path", "recursive", "suffixes"})
    if unknown:
        raise _bad(
            f"A watched folder has no setting {unknown[0]!r}; it has path, recursive and suffixes."
        )
    recursive, suffixes = settings.get("recursive", True), settings.get("suffixes")
    if not isinstance(recursive, bool):
        raise _bad("recursive is true or false.")
    return FolderSettings(
        _path(settings.get("path")), recursive, SUFFIXES if suffixes is None else _list(suffixes)
    )


def _bad(sentence: str) -> Unprocessable:
    return Unprocessable(sentence, code="bad_source_settings")


def _path(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or len(value) > MAX_PATH:
        raise _bad(f"path is the whole path of a folder, from /, of at most {MAX_PATH} characters.")
    if not value.isprintable() or ".." in PurePosixPath(value).parts:
        raise _bad("path must not hold “..” or characters that cannot be seen.")
    return str(PurePosixPath("/" + value.lstrip("/")))


def _list(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_SUFFIXES:
        raise _bad(f"suffixes is a list of 1 to {MAX_SUFFIXES} endings of names, such as “.jpg”.")
    found = []
    for one in value:
        suffix = f".{str(one).lower().removeprefix('.')}"
        if not isinstance(one, str) or not _SUFFIX.fullmatch(suffix):
            raise _bad("a suffix is the ending of a name, such as “.jpg”.")
        found.append(suffix)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Stat:
    """What tells one state of a file from another without reading it."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: str

    @classmethod
    def of(cls, found: os.stat_result) -> Stat:
        """Return what is kept of a stat call."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, str(found.st_ino))

    def same_content(self, other: Stat) -> bool:
        """Say whether the content is the same as far as can be told.

        The inode alone tells nothing: some network drives count them anew with every mount.
        """
        same = (self.size, self.mtime_ns) == (other.size, other.mtime_ns)
        return same and (self.inode == other.inode or self.ctime_ns == other.ctime_ns)

    def untouched(self, other: Stat) -> bool:
        """Say whether not even its name was changed."""
        return self.same_content(other) and self.ctime_ns == other.ctime_ns


@dataclass(frozen=True)
class Listing:
    """The wanted files of one folder (its path from the root, "" for the root), by name.

    `folders`: those in it, None where they are not looked into. `error`: it could not be read.
    """

    folder: str
    files: Mapping[str, Stat]
    folders: frozenset[str] | None = None
    error: OSError | None = None


@dataclass
class _Known:
    """A folder as it was read last."""

    mtime_ns: int
    inode: int
    folders: frozenset[str]
    trusted: bool

    def is_same(self, found: os.stat_result) -> bool:
        """Say whether nothing came into it and nothing went since."""
        unchanged = (self.mtime_ns, self.inode) == (found.st_mtime_ns, found.st_ino)
        return self.trusted and unchanged


@dataclass
class Tree:
    """Looks at a folder again and again, reading only what may have changed in between."""

    settings: FolderSettings
    # (device, inode) of folders that are none of the source's business.
    skipped: frozenset[tuple[int, int]] = frozenset()
    _known: dict[str, _Known] = field(default_factory=dict)

    @contextmanager
    def opened(self) -> Iterator[Root]:
        """Open the root for a look. Raises OSError when it is not there."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        descriptor = os.open(self.settings.path, flags)
        try:
            yield Root(descriptor, Path(f"/proc/self/fd/{descriptor}").readlink())
        finally:
            os.close(descriptor)

    def look(self, root: Root, *, whole: bool) -> Iterator[Listing]:
        """Yield every folder that may have changed since the last look, all if `whole`.

        A file that is written to in place changes no folder: only a whole look finds it.
        """
        yield from self._look(root.descriptor, "", whole, 0)

    def distrust(self, folder: str) -> None:
        """Read this folder at the next look, whatever its time says."""
        if folder in self._known:
            self._known[folder].trusted = False

    def _forget(self, folder: str) -> None:
        known = self._known.pop(folder, None)
        for name in known.folders if known else ():
            self._forget(f"{folder}/{name}")

    def _look(self, descriptor: int, folder: str, whole: bool, depth: int) -> Iterator[Listing]:
        known, found = self._known.get(folder), os.fstat(descriptor)
        if (found.st_dev, found.st_ino) in self.skipped:
            return
        if whole or known is None or not known.is_same(found):
            # Asked for before it is read: what comes in between changes the time once more.
            trusted = time.time_ns() - found.st_mtime_ns > TRUSTED_AFTER_NS
            try:
                listing = self._read(descriptor, folder)
            except OSError as error:
                yield Listing(folder, {}, error=error)
                return
            below = listing.folders or frozenset()
            for name in (known.folders if known else frozenset()) - below:
                self._forget(f"{folder}/{name}".lstrip("/"))
            known = _Known(found.st_mtime_ns, found.st_ino, below, trusted)
            self._known[folder] = known
            yield listing
        if depth < MAX_DEPTH:
            for name in sorted(known.folders):
                yield from self._below(descriptor, f"{folder}/{name}".lstrip("/"), whole, depth + 1)

    def _below(self, above: int, folder: str, whole: bool, depth: int) -> Iterator[Listing]:
        name = folder.rpartition("/")[2]
        try:
            descriptor = os.open(name, _NO_LINK | os.O_DIRECTORY, dir_fd=above)
        except (FileNotFoundError, NotADirectoryError):
            # The next look at the folder above finds out that it is gone.
            return
        except OSError as error:
            yield Listing(folder, {}, error=error)
            return
        try:
            yield from self._look(descriptor, folder, whole, depth)
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, folder: str) -> Listing:
        files: dict[str, Stat] = {}
        folders: set[str] = set()
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if self.settings.recursive and entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith(".") and entry.name.lower() not in _CLUTTER:
                        folders.add(entry.name)
                elif self.settings.wants(entry.name) and entry.is_file(follow_symlinks=False):
                    try:
                        files[entry.name] = Stat.of(entry.stat(follow_symlinks=False))
                    except FileNotFoundError:
                        continue
        return Listing(folder, files, frozenset(folders))


@dataclass(frozen=True)
class Root:
    """A watched folder, opened: its descriptor, and its path without any link."""

    descriptor: int
    path: Path

    def read(self, folder: str, name: str, max_bytes: int) -> tuple[bytes, Stat, Stat]:
        """Return a file's bytes (at most `max_bytes` + 1), and how it was before and after.

        Raises OSError, and UnsupportedMedia for what is no plain file.
        """
        opened: list[int] = []
        try:
            above = self.descriptor
            for part in PurePosixPath(folder).parts:
                above = os.open(part, _NO_LINK | os.O_DIRECTORY, dir_fd=above)
                opened.append(above)
            descriptor = os.open(name, _NO_LINK, dir_fd=above)
            with os.fdopen(descriptor, "rb") as stream:
                before = os.fstat(descriptor)
                if not modes.S_ISREG(before.st_mode):
                    raise UnsupportedMedia("This is no plain file.", code="not_a_file")
                data = stream.read(max_bytes + 1)
                return data, Stat.of(before), Stat.of(os.fstat(descriptor))
        finally:
            for one in reversed(opened):
                os.close(one)
