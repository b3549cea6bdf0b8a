"""The size of a PNG, GIF, WebP or BMP, and whether the file goes on to its end: from its bytes.

Pillow tells the same, but meanwhile it gathers texts, comments and frames, of which a hostile file
holds as many as its sender likes; this here does a bounded amount of work and keeps nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

# Ordinary files of the largest size that is taken have some thousand pieces. More are refused.
MAX_PIECES = 1_000_000
_PNG_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_BMP_PLAIN, _BMP_KINDS = (0, 3), (0, 1, 2, 3)
_BMP_BITS = frozenset({1, 2, 4, 8, 16, 24, 32})

Found = tuple[int, int, bool]


def read(data: bytes, kind: str) -> Found | None:
    """Return (width, height, whole); None for a format that is not read here.

    Raises ValueError, IndexError or struct.error for what is damaged.
    """
    reader = _READERS.get(kind)
    if reader is None:
        return None
    width, height, whole = reader(data)
    if width <= 0 or height <= 0:
        raise ValueError("a picture without pixels")
    return width, height, whole


def _png(data: bytes) -> Found:
    length, name = struct.unpack_from(">I4s", data, 8)
    if length != 13 or name != b"IHDR":
        raise ValueError("a PNG begins with its header")
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    if depth not in _PNG_DEPTHS.get(colour, ()):
        raise ValueError("no such colour type or depth")
    return width, height, _png_ends(data)


def _png_ends(data: bytes) -> bool:
    position, has_pixels = 8, False
    for _ in range(MAX_PIECES):
        if position + 12 > len(data):
            return False
        length, kind = struct.unpack_from(">I4s", data, position)
        position += 12 + int(length)
        has_pixels = has_pixels or kind == b"IDAT"
        if kind == b"IEND":
            return has_pixels and position <= len(data)
    raise ValueError("more chunks than any picture has")


def _gif(data: bytes) -> Found:
    """The first frame is looked at; where it sticks out, the picture is as large as it needs."""
    width, height = struct.unpack_from("<HH", data, 6)
    position = 13 + _gif_table(data[10])
    budget = [MAX_PIECES]
    try:
        while data[position] == 0x21:
            position = _gif_blocks_end(data, position + 2, budget)
    except IndexError:
        return width, height, False
    if len(data) < position + 10:
        return width, height, False
    if data[position] != 0x2C:
        raise ValueError("neither an extension nor a frame")
    left, top, across, down, flags = struct.unpack_from("<HHHHB", data, position + 1)
    size = max(width, left + across), max(height, top + down)
    try:
        end = _gif_blocks_end(data, position + 11 + _gif_table(flags), budget)
    except IndexError:
        return *size, False
    return *size, end <= len(data)


def _gif_table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks_end(data: bytes, position: int, budget: list[int]) -> int:
    while size := data[position]:
        position += 1 + size
        budget[0] -= 1
        if budget[0] < 0:
            raise ValueError("more blocks than any picture has")
    return position + 1


def _webp(data: bytes) -> Found:
    """The first chunk says it: the canvas (VP8X), or a frame of the lossy or lossless kind."""
    whole = 8 + int.from_bytes(data[4:8], "little") <= len(data)
    kind, start = data[12:16], data[20:30]
    if len(start) < 10:
        raise ValueError("cut short in the header")
    if kind == b"VP8X":
        width = 1 + int.from_bytes(start[4:7], "little")
        return width, 1 + int.from_bytes(start[7:10], "little"), whole
    if kind == b"VP8L" and start[0] == 0x2F:
        bits = int.from_bytes(start[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + ((bits >> 14) & 0x3FFF), whole
    if kind == b"VP8 " and start[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", start, 6)
        return width & 0x3FFF, height & 0x3FFF, whole
    raise ValueError("no frame of a known kind")


def _bmp(data: bytes) -> Found:
    (offset,) = struct.unpack_from("<I", data, 10)
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        kind = 0
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
        kind = struct.unpack_from("<I", data, 30)[0] if size >= 40 else 0
    if kind not in _BMP_KINDS or bits not in _BMP_BITS:
        raise ValueError("a kind of BMP that no decoder here reads")
    height = abs(height)
    row = (width * bits + 31) // 32 * 4
    return width, height, offset + (row * height if kind in _BMP_PLAIN else 1) <= len(data)


_READERS: dict[str, Callable[[bytes], Found]] = {
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp,
    "BMP": _bmp,
}
