"""Folders and zip archives as lists of files to import; nothing is ever unpacked to a path."""

from __future__ import annotations

import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from connector.domain.examples import Kept
from connector.errors import NotFound, TooLarge, Unprocessable

MAX_FILES = 200_000
# Pictures are compressed already: an archive that grows much more than this holds something else.
MAX_RATIO = 100
# Of the list of files at an archive's end, which is read at once: 200 bytes for each of MAX_FILES.
MAX_LIST_BYTES = 40_000_000
FREE_BYTES = 1_000_000_000
# What reading a damaged archive raises, by whichever of its fields is wrong.
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
)
_CLUTTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})


class UnreadableFile(Unprocessable):
    """One file of an import that cannot be read; the others can."""

    default_code = "unreadable_file"


@dataclass(frozen=True)
class Entry:
    """A file to import: its path inside the collection (with /), and how to read it.

    `kept`: it is kept already, so that only `removals` may want to read it. `title`: what the
    picture is called, where `name` is only what the report calls it. `by`: who labelled it.
    `note`: what is worth knowing of it once it is taken, as a code and a sentence.
    """

    name: str
    read: Callable[[], bytes]
    kept: Kept | None = None
    title: str = ""
    by: str | None = None
    note: tuple[str, str] | None = None


@dataclass(frozen=True)
class Collection:
    """Files to import, in a fixed order, so that an interrupted import can go on."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The paths of all files."""
        return [entry.name for entry in self.entries]

    def without(self, name: str) -> Collection:
        """Return the collection without one file (the table of labels)."""
        return Collection([entry for entry in self.entries if entry.name != name])

    def find(self, name: str) -> Entry:
        """Return the file of that path, or the only one of that name. Raises NotFound."""
        exact = [entry for entry in self.entries if entry.name == name]
        close = [e for e in self.entries if PurePosixPath(e.name).name == PurePosixPath(name).name]
        found = exact or close
        if len(found) != 1:
            raise NotFound(f"There is no file {name} among those to import.", code="no_table")
        return found[0]


def folder(path: Path, max_bytes: int) -> Collection:
    """List a folder's files, sub-folders included. Raises NotFound when there is no such folder."""
    if not path.is_dir():
        raise NotFound(f"There is no folder {path}.", code="no_folder")
    entries = []
    for parent, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not _is_clutter(name))
        for name in sorted(files):
            if not _is_clutter(name):
                file = Path(parent) / name
                relative = file.relative_to(path).as_posix()
                entries.append(Entry(relative, partial(_read_file, file, max_bytes)))
    return Collection(entries)


def archive(stream: BinaryIO, archive_bytes: int, max_bytes: int) -> Collection:
    """List a zip's files; reading one never takes more than `max_bytes` of memory.

    Raises Unprocessable (not_a_zip, too_many_files) and TooLarge (zip_bomb).
    """
    try:
        opened = zipfile.ZipFile(_Bounded(stream, archive_bytes))
    except _DAMAGES as error:
        raise Unprocessable(
            "This is not a zip archive, or it is damaged; pack the folder anew and send it again.",
            code="not_a_zip",
        ) from error
    # Not by is_dir(), which stumbles over an empty name.
    members = [member for member in opened.infolist() if member.filename[-1:] not in ("", "/")]
    _check_archive(members, archive_bytes)
    named = [(_name(member), member) for member in members]
    return Collection(
        [
            Entry(name, partial(_read_member, opened, member, max_bytes))
            for name, member in named
            if not is_clutter_path(name)
        ]
    )


def read_bounded(stream: IO[bytes], max_bytes: int) -> bytes:
    """Return all of a file from its start. Raises TooLarge for more than `max_bytes`."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if size > max_bytes:
        raise _too_large(size, max_bytes)
    return stream.read()


class _Bounded(io.BufferedIOBase):
    """An archive of which nobody reads more at once than a list of files may take."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size = stream, size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as the stream does. Raises Unprocessable (too_many_files)."""
        rest = max(0, self._size - self._stream.tell())
        amount = rest if size is None or size < 0 else min(size, rest)
        if amount > MAX_LIST_BYTES:
            raise _too_many_files()
        return self._stream.read(amount)

    def seekable(self) -> bool:
        """Say that it can seek, as reading a zip needs."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go there in the stream."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return where the stream is."""
        return self._stream.tell()


def _too_many_files() -> Unprocessable:
    return Unprocessable(
        f"The archive has more than the {MAX_FILES:,} files that are taken at once; split it.",
        code="too_many_files",
    )


def _check_archive(members: list[zipfile.ZipInfo], archive_bytes: int) -> None:
    if len(members) > MAX_FILES:
        raise _too_many_files()
    unpacked = sum(member.file_size for member in members)
    if unpacked > FREE_BYTES and unpacked > MAX_RATIO * archive_bytes:
        raise TooLarge(
            f"The archive of {archive_bytes / 1e6:,.1f} MB would unpack to "
            f"{unpacked / 1e6:,.0f} MB, which pictures never do; pack them anew.",
            code="zip_bomb",
        )


def _read_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, max_bytes: int) -> bytes:
    if member.file_size > max_bytes:
        raise _too_large(member.file_size, max_bytes)
    if member.flag_bits & 0x1:
        raise UnreadableFile("It is encrypted; pack it without a password.")
    try:
        with opened.open(member) as stream:
            # The size in the directory is a claim: what is read is bounded all the same.
            data = stream.read(max_bytes + 1)
    except _DAMAGES as error:
        raise UnreadableFile(f"It is damaged inside the archive ({error}).") from error
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    return data


def _read_file(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)
            size = max(len(data), os.fstat(stream.fileno()).st_size)
    except OSError as error:
        raise UnreadableFile(f"It cannot be read ({error.strerror}).") from error
    if size > max_bytes:
        raise _too_large(size, max_bytes)
    return data


def _too_large(size: int, max_bytes: int) -> TooLarge:
    return TooLarge(
        f"It has {size / 1e6:,.1f} MB, more than the {max_bytes / 1e6:,.1f} MB that a picture may "
        "have; make it smaller, or raise COLABEL_MAX_UPLOAD_BYTES.",
        code="too_many_bytes",
    )


def _name(member: zipfile.ZipInfo) -> str:
    name = member.filename
    if not member.flag_bits & 0x800:
        # Many tools write UTF-8 without saying so; zipfile then reads it as the old DOS code page.
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = member.filename
    return name.replace("\\", "/").lstrip("/")


def is_clutter_path(path: str) -> bool:
    """Say whether a file (with /) is one that systems leave around, and nobody's picture."""
    return any(_is_clutter(part) for part in PurePosixPath(path).parts)


def _is_clutter(name: str) -> bool:
    return (name.startswith(".") and name not in (".", "..")) or name.lower() in _CLUTTER
