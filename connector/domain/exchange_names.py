"""Where a picture lies in a zip of folders: safe to unpack on any system, and never over another.

The same pictures in the same order get the same paths, so that a list of them can be made apart
from the zip itself.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from pathlib import PurePosixPath

from connector.domain.exchange_rows import Picture
from connector.domain.import_labels import UNLABELLED
from connector.pictures import sanitize_name

MAX_BYTES = 180
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.I)


class Paths:
    """Gives each picture its path, `label/name`; two never share one, in either case of letters."""

    def __init__(self) -> None:
        self._folders: dict[str | None, str] = {None: UNLABELLED}
        self._taken: dict[str, set[int]] = {"": {_key(UNLABELLED)}}

    def path(self, picture: Picture) -> str:
        """Return the path of the next picture, with /."""
        folder = self._folders.get(picture.label)
        if folder is None:
            folder = self._free("", safe(picture.label or "", "label"))
            self._folders[picture.label] = folder
        return f"{folder}/{self._free(folder, file_name(picture))}"

    def _free(self, folder: str, name: str) -> str:
        taken = self._taken.setdefault(folder, set())
        wanted, number = name, 1
        while _key(wanted) in taken:
            number += 1
            wanted = _numbered(name, number)
        taken.add(_key(wanted))
        return wanted


def file_name(picture: Picture) -> str:
    """Return a picture's own name, made safe; its id where it has none, with a suffix."""
    name = safe(sanitize_name(picture.name), picture.id)
    if PurePosixPath(name).suffix:
        return name
    return f"{name}{mimetypes.guess_extension(picture.media_type) or ''}"


def safe(name: str, fallback: str) -> str:
    """Return a name that means itself on every system; letters of all scripts stay."""
    text = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip().rstrip(". ")
    text = _shortened(text)
    if not text:
        return fallback
    return f"_{text}" if _DEVICES.fullmatch(text) or text.startswith(".") else text


def _shortened(name: str) -> str:
    """Cut what a file system would refuse: its limit is in bytes, and two must fit behind it."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > 16:
        stem, dot, suffix = name, "", ""
    room = MAX_BYTES - len(f"{dot}{suffix}".encode())
    return f"{stem.encode()[:room].decode(errors='ignore').rstrip('. ')}{dot}{suffix}"


def _numbered(name: str, number: int) -> str:
    path = PurePosixPath(name)
    return f"{path.stem} ({number}){path.suffix}"


def _key(name: str) -> int:
    # Of 50,000 names only so much is kept; two of them alike is nothing worse than a number.
    return hash(name.casefold())
