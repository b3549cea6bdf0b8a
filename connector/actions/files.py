"""Single steps on local files: read and hash, make folders, write a private file in full.

Names that begin with `.colabel-` are ours and belong to no user; watchers should ignore them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from connector.actions.templates import numbered
from connector.errors import ActionFailed

PRIVATE_PREFIX = ".colabel-"
CHUNK = 1 << 20
# What a person has to mend first; anything else (full disk, lost mount) may pass by itself.
_PERMANENT = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}
)


@dataclass(frozen=True)
class Facts:
    """What tells one state of a file from another."""

    sha256: str
    size: int
    mtime_ns: int | None = None
    mode: int | None = None
    # Of an object in a bucket: its "identity", and its "dress" (headers, metadata, tags).
    object: dict[str, Any] | None = None


@dataclass(frozen=True)
class Source:
    """Bytes to be placed: opened anew for each attempt, and what they must turn out to be."""

    open: Callable[[], BinaryIO]
    sha256: str
    size: int
    like: Path | None = None
    mtime_ns: int | None = None
    mode: int | None = None
    # What an object is to carry besides its bytes, as storage.objects.Dress.
    dress: dict[str, Any] | None = None


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an OSError into an ActionFailed whose sentence begins with `doing`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "free some space on that disk"
        elif error.errno in _PERMANENT:
            advice = "check the folder and the rights of the user that runs colabel"
        else:
            advice = "check that the disk is there; it is tried again"
        raise ActionFailed(
            f"{doing} failed ({reason}); {advice}.", permanent=error.errno in _PERMANENT
        ) from error


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, following no symbolic link. Raises ActionFailed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ActionFailed(
            f"The file {path} is not there any more; somebody has moved or deleted it.",
            code="file_missing",
        ) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _not_regular(path) from error
        with explained(f"Reading {path}"):
            raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_regular(path)
    return os.fdopen(descriptor, "rb")


def _not_regular(path: Path) -> ActionFailed:
    return ActionFailed(
        f"{path} is a link or not a plain file, which actions leave alone; use the file itself.",
        code="not_a_file",
    )


def inspect(path: Path) -> Facts:
    """Hash a file and return its facts. Raises ActionFailed (not permanent) while it is written."""
    with open_regular(path) as stream, explained(f"Reading {path}"):
        before = os.fstat(stream.fileno())
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ActionFailed(
            f"{path} is being written to; it is tried again when that is over.", permanent=False
        )
    return Facts(sha256, after.st_size, after.st_mtime_ns, stat.S_IMODE(after.st_mode))


def matches(path: Path, sha256: str) -> bool:
    """Whether there is a regular file at `path` with this content."""
    return path.is_file() and not path.is_symlink() and inspect(path).sha256 == sha256


def sync_folder(folder: Path) -> None:
    """Make names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(root: Path, parts: list[str]) -> Path:
    """Make `root`/parts…, one by one, and return it; no symbolic link may lead out of `root`.

    Raises ActionFailed (code escapes_folder).
    """
    with explained(f"Making the folder {root.joinpath(*parts)}"):
        root.mkdir(parents=True, exist_ok=True)
        home = root.resolve()
        folder = home
        for part in parts:
            parent, folder = folder, folder / part
            if not os.path.lexists(folder):
                folder.mkdir(exist_ok=True)
                sync_folder(parent)
            folder = folder.resolve()
            if not folder.is_relative_to(home):
                raise ActionFailed(
                    f"{parent / part} is a link that leads out of {root}; remove the link, or "
                    "name the folder it leads to in COLABEL_FOLDERS and in the rule.",
                    code="escapes_folder",
                )
    return folder


def private_path(folder: Path, action_id: str, ending: str) -> Path:
    """Return the name of our own temporary file in `folder`."""
    return folder / f"{PRIVATE_PREFIX}{action_id}.{ending}"


def free_names(name: str, taken: Callable[[str], bool]) -> Iterator[str]:
    """Yield names that were free when asked: `name`, "name (2)", …, found in O(log n) looks.

    Thousands of pictures may arrive under one name, so numbers are doubled, then bisected.
    """
    while True:
        if not taken(name):
            yield name
        low, high = 1, 2
        while taken(numbered(name, high)):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if taken(numbered(name, middle)) else (low, middle)
        yield numbered(name, high)


def write_part(source: Source, part: Path) -> None:
    """Write the bytes, synced and read back. Raises ActionFailed when they are not as expected."""
    # Unlinked first: a part of an earlier attempt may share its bytes with a placed file.
    part.unlink(missing_ok=True)
    try:
        write_new(source, part)
        written = inspect(part)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    if (written.sha256, written.size) != (source.sha256, source.size):
        part.unlink()
        raise ActionFailed(
            "The picture changed while it was copied; it is tried again.", permanent=False
        )
    copy_attributes(source, part)


def write_new(source: Source, path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    _write_rest(descriptor, source, 0)


def append_rest(path: Path, source: Source) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    _write_rest(descriptor, source, os.fstat(descriptor).st_size)


def _write_rest(descriptor: int, source: Source, start: int) -> None:
    try:
        with source.open() as stream:
            stream.seek(start)
            while chunk := stream.read(CHUNK):
                view = memoryview(chunk)
                while view:
                    view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_attributes(source: Source, path: Path) -> None:
    """Give the file the source's times, permissions, extended attributes and, if we may, owner."""
    if source.like is not None and source.like.exists():
        shutil.copystat(source.like, path)
        wanted, now = source.like.stat(), path.stat()
        if os.geteuid() == 0 and (wanted.st_uid, wanted.st_gid) != (now.st_uid, now.st_gid):
            os.chown(path, wanted.st_uid, wanted.st_gid)
    if source.mode is not None:
        path.chmod(source.mode)
    if source.mtime_ns is not None:
        os.utime(path, ns=(source.mtime_ns, source.mtime_ns))
