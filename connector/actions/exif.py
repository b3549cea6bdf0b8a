"""Change single facts in EXIF (TIFF 6.0 structures) and XMP, leaving every other byte in place.

A library that parses and writes again would move the maker notes, whose offsets nobody knows.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

ORIENTATION = 0x0112
X_RESOLUTION, Y_RESOLUTION = 0x011A, 0x011B
IMAGE_WIDTH, IMAGE_LENGTH = 0x0100, 0x0101
EXIF_IFD = 0x8769
PIXEL_X, PIXEL_Y = 0xA002, 0xA003
THUMBNAIL, THUMBNAIL_LENGTH = 0x0201, 0x0202
_SHORT, _LONG = 3, 4
_MOST_SHORT = 0xFFFF
_XMP_VALUE = rb"""(%s\s*=\s*["']|<%s\s*>\s*)(\d{1,9})(?!\d)"""


class BadExif(ValueError):
    """The block is damaged, or has no room for what should be written."""


class Entry(NamedTuple):
    """Where one tag stands: `position` of its 12 bytes, its type and how many values."""

    position: int
    kind: int
    amount: int


class Directory(NamedTuple):
    """One IFD: its entries by tag, where it starts, and where the link to the next one stands."""

    entries: dict[int, Entry]
    start: int
    link: int


class TiffBlock:
    """An editable TIFF structure: an EXIF block without its "Exif" header, or a TIFF file."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]), "")
        if not self.order or self._read("H", 2) != 42:
            raise BadExif("not a TIFF structure")
        self.first = self.directory(self._read("I", 4))

    def _read(self, code: str, position: int) -> int:
        try:
            value: int = struct.unpack_from(self.order + code, self.data, position)[0]
        except struct.error as error:
            raise BadExif("the structure ends too early") from error
        return value

    def _write(self, code: str, position: int, value: int) -> None:
        struct.pack_into(self.order + code, self.data, position, value)

    def directory(self, start: int) -> Directory:
        """Read the IFD at `start`. Raises BadExif."""
        count = self._read("H", start)
        link = start + 2 + 12 * count
        if start < 8 or link + 4 > len(self.data):
            raise BadExif("a directory lies outside the block")
        entries = {}
        for position in range(start + 2, link, 12):
            kind, amount = self._read("H", position + 2), self._read("I", position + 4)
            entries[self._read("H", position)] = Entry(position, kind, amount)
        return Directory(entries, start, link)

    def number(self, directory: Directory, tag: int) -> int | None:
        """Return a single SHORT or LONG value, or None."""
        entry = directory.entries.get(tag)
        if entry is None or entry.amount != 1 or entry.kind not in (_SHORT, _LONG):
            return None
        return self._read("H" if entry.kind == _SHORT else "I", entry.position + 8)

    def set_number(self, directory: Directory, tag: int, value: int) -> None:
        """Overwrite a single SHORT or LONG value where there is one."""
        if self.number(directory, tag) is None:
            return
        entry = directory.entries[tag]
        if entry.kind == _SHORT and value > _MOST_SHORT:
            # The place of a value has room for either.
            self._write("H", entry.position + 2, _LONG)
            entry = directory.entries[tag] = entry._replace(kind=_LONG)
        self._write("H" if entry.kind == _SHORT else "I", entry.position + 8, value)

    def next_directory(self, directory: Directory) -> Directory | None:
        """Return the IFD that follows (of an EXIF block: the thumbnail's), if it is readable."""
        start = self._read("I", directory.link)
        try:
            return self.directory(start) if start else None
        except BadExif:
            return None

    def orientation(self) -> int | None:
        """Return the orientation of the main picture, 1 to 8, or None."""
        value = self.number(self.first, ORIENTATION)
        return value if value is not None and 1 <= value <= 8 else None

    def set_orientation(self, value: int) -> None:
        """Set or add the tag. Adding appends a new first directory, so no offset changes."""
        if self.number(self.first, ORIENTATION) is not None:
            self.set_number(self.first, ORIENTATION, value)
            return
        old = bytes(self.data[self.first.start + 2 : self.first.link])
        entries = [old[start : start + 12] for start in range(0, len(old), 12)]
        entries = [e for e in entries if struct.unpack(self.order + "H", e[:2])[0] != ORIENTATION]
        pack = struct.Struct(self.order + "HHIHH").pack
        entries.append(pack(ORIENTATION, _SHORT, 1, value, 0))
        entries.sort(key=lambda entry: struct.unpack(self.order + "H", entry[:2])[0])
        link = bytes(self.data[self.first.link : self.first.link + 4])
        self.data += bytes(len(self.data) % 2)
        start = len(self.data)
        self.data += struct.pack(self.order + "H", len(entries)) + b"".join(entries) + link
        self._write("I", 4, start)
        self.first = self.directory(start)

    def drop_thumbnail(self) -> None:
        """Unlink the thumbnail, which shows the picture as it was, and its bytes if they end."""
        thumbnail = self.next_directory(self.first)
        self._write("I", self.first.link, 0)
        if thumbnail is None:
            return
        start = self.number(thumbnail, THUMBNAIL)
        length = self.number(thumbnail, THUMBNAIL_LENGTH)
        if start is not None and length is not None and start > max(self.first.link, 8):
            end = start + length
            self.data[start:end] = bytes(max(0, min(end, len(self.data)) - start))

    def set_size(self, width: int, height: int) -> None:
        """Correct the tags that repeat the picture's size, where they are present."""
        self.set_number(self.first, IMAGE_WIDTH, width)
        self.set_number(self.first, IMAGE_LENGTH, height)
        start = self.number(self.first, EXIF_IFD)
        if start is None:
            return
        try:
            details = self.directory(start)
        except BadExif:
            return
        self.set_number(details, PIXEL_X, width)
        self.set_number(details, PIXEL_Y, height)

    def swap_resolutions(self) -> None:
        """Exchange the horizontal and vertical resolution, for a picture turned on its side."""
        x, y = (self.first.entries.get(tag) for tag in (X_RESOLUTION, Y_RESOLUTION))
        if x is not None and y is not None:
            a, b = self._read("I", x.position + 8), self._read("I", y.position + 8)
            self._write("I", x.position + 8, b)
            self._write("I", y.position + 8, a)


def minimal(orientation: int) -> bytes:
    """Return a TIFF structure that says nothing but the orientation."""
    block = TiffBlock(b"MM\0*\0\0\0\x08" + bytes(6))
    block.set_orientation(orientation)
    return bytes(block.data)


def read_orientation(block: bytes) -> int | None:
    """Return the orientation that an EXIF block states, None if none or not readable."""
    try:
        return TiffBlock(block).orientation()
    except BadExif:
        return None


def with_orientation(block: bytes, value: int) -> bytes:
    """State another orientation; the thumbnail, shown the same way, follows. Raises BadExif."""
    edited = TiffBlock(block)
    edited.set_orientation(value)
    thumbnail = edited.next_directory(edited.first)
    if thumbnail is not None:
        edited.set_number(thumbnail, ORIENTATION, value)
    return bytes(edited.data)


def after_turn(block: bytes, size: tuple[int, int], *, sides_swapped: bool) -> bytes:
    """Return the block for pixels that now stand upright and measure `size` (width, height).

    A block that cannot be read states nothing that could be wrong, and is returned as it is.
    """
    try:
        edited = TiffBlock(block)
    except BadExif:
        return block
    edited.set_number(edited.first, ORIENTATION, 1)
    edited.drop_thumbnail()
    edited.set_size(*size)
    if sides_swapped:
        edited.swap_resolutions()
    return bytes(edited.data)


def xmp_orientation(packet: bytes) -> int | None:
    """Return the tiff:Orientation of an XMP packet, 1 to 8, or None."""
    found = re.search(_XMP_VALUE % ((b"tiff:Orientation",) * 2), packet)
    return int(found[2]) if found and 1 <= int(found[2]) <= 8 else None


def xmp_with(packet: bytes, orientation: int, size: tuple[int, int] | None = None) -> bytes:
    """Correct what an XMP packet says of orientation and size, where it says so."""
    facts = {b"tiff:Orientation": orientation}
    if size is not None:
        facts |= dict.fromkeys((b"tiff:ImageWidth", b"exif:PixelXDimension"), size[0])
        facts |= dict.fromkeys((b"tiff:ImageLength", b"exif:PixelYDimension"), size[1])
    for name, value in facts.items():
        replacement = rb"\g<1>%d" % value
        packet = re.sub(_XMP_VALUE % (name, name), replacement, packet)
    return packet
