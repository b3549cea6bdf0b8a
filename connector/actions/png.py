"""Turn a PNG pixel-exactly, whatever its depth, keeping every other chunk as it is.

The samples are handed to Pillow as opaque bytes: a copy of the header that claims another colour
type with equally many bits a pixel makes it filter, de-interlace and pack without interpreting
them (PNG specification, third edition, 11.2.1: the filters work on bytes, not on samples).
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import NamedTuple

from PIL import Image, ImageFile

from connector.actions import exif
from connector.actions.orientation import Tag, swaps_sides, turned
from connector.actions.rotated import TRANSPOSE, Rotated, Unrotatable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Bytes a pixel -> a colour type of 8-bit samples that has as many.
_SAME_WIDTH = {1: 0, 2: 4, 3: 2, 4: 6}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_XMP = b"XML:com.adobe.xmp\0"


class Header(NamedTuple):
    """The IHDR chunk."""

    width: int
    height: int
    depth: int
    colour: int
    interlace: int

    def packed(self) -> bytes:
        """Return the chunk's payload."""
        return struct.pack(
            ">IIBBBBB", self.width, self.height, self.depth, self.colour, 0, 0, self.interlace
        )


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Take a PNG apart, up to its end. Raises Unrotatable when it is damaged."""
    found, position = [], len(SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        found.append((kind, data[position + 8 : position + 8 + length]))
        position += 12 + length
        if kind == b"IEND":
            return found
    raise _damaged()


def joined(pieces: list[tuple[bytes, bytes]]) -> bytes:
    """Return the file that consists of these chunks."""
    out = [SIGNATURE]
    for kind, payload in pieces:
        checksum = zlib.crc32(kind + payload)
        out += [struct.pack(">I", len(payload)), kind, payload, struct.pack(">I", checksum)]
    return b"".join(out)


def _damaged() -> Unrotatable:
    return Unrotatable("This PNG is damaged, so it was left as it is; replace the file.")


def rotate_png(data: bytes, degrees: int) -> Rotated:
    """Turn clockwise as seen. Raises Unrotatable for animated and damaged files."""
    pieces = chunks(data)
    if any(kind == b"acTL" for kind, _ in pieces):
        raise Unrotatable("An animated PNG cannot be turned; use a still picture.")
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", pieces[0][1])
    header = Header(width, height, depth, colour, interlace)
    target = turned(_orientation(pieces), degrees)
    pixels = b"".join(payload for kind, payload in pieces if kind == b"IDAT")
    if target != Tag.UPRIGHT:
        try:
            pixels = _turned_pixels(header, pixels, target)
        except (OSError, SyntaxError, ValueError, zlib.error) as error:
            raise _damaged() from error
        sides = (height, width) if swaps_sides(target) else (width, height)
        header = Header(*sides, depth, colour, 0)
    return Rotated(joined(_rewritten(pieces, header, pixels, target)), "pixel_exact")


def _turned_pixels(header: Header, pixels: bytes, target: Tag) -> bytes:
    """Return the IDAT payload of the turned picture, not interlaced."""
    bits = header.depth * _CHANNELS[header.colour]
    if bits > 32:
        return _turned_deep(header, pixels, target)
    if bits < 8:
        with _opened(header._replace(colour=3), pixels) as image:
            upright = image.transpose(TRANSPOSE[target])
        return _encoded(upright, bits=bits)
    with _opened(header._replace(depth=8, colour=_SAME_WIDTH[bits // 8]), pixels) as image:
        return _encoded(image.transpose(TRANSPOSE[target]))


def _opened(header: Header, pixels: bytes) -> ImageFile.ImageFile:
    pieces = [(b"IHDR", header.packed())]
    if header.colour == 3:
        pieces.append((b"PLTE", bytes(3 << header.depth)))
    stream = io.BytesIO(joined([*pieces, (b"IDAT", pixels), (b"IEND", b"")]))
    return Image.open(stream, formats=["PNG"])


def _encoded(image: Image.Image, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return b"".join(payload for kind, payload in chunks(out.getvalue()) if kind == b"IDAT")


def _turned_deep(header: Header, pixels: bytes, target: Tag) -> bytes:
    """48 and 64 bits a pixel: Pillow keeps 8 of 16, so it reads the high and the low bytes once."""
    import numpy as np

    mode = "RGB" if header.colour == 2 else "RGBA"
    halves = []
    for order in ("B", "L"):
        with _opened(header, pixels) as image:
            # Read as little-endian, the high byte that is kept is the low one in the file.
            image.tile = [tile._replace(args=f"{mode};16{order}") for tile in image.tile]
            halves.append(np.asarray(image.transpose(TRANSPOSE[target])))
    samples = np.stack(halves, axis=-1)
    rows = samples.reshape(samples.shape[0], -1)
    # Filter type 2, "Up": each byte less the one above.
    differences = np.diff(rows, axis=0, prepend=np.zeros((1, rows.shape[1]), np.uint8))
    filtered = np.insert(differences.astype(np.uint8), 0, 2, axis=1)
    return zlib.compress(filtered.tobytes(), 6)


def _orientation(pieces: list[tuple[bytes, bytes]]) -> int:
    for kind, payload in pieces:
        if kind == b"eXIf" and (value := exif.read_orientation(payload)) is not None:
            return value
    for kind, payload in pieces:
        if kind == b"iTXt" and payload.startswith(_XMP):
            value = exif.xmp_orientation(payload)
            if value is not None:
                return value
    return 1


def _rewritten(
    pieces: list[tuple[bytes, bytes]], header: Header, pixels: bytes, target: Tag
) -> list[tuple[bytes, bytes]]:
    out: list[tuple[bytes, bytes]] = []
    size = (header.width, header.height)
    swapped = swaps_sides(target)
    for kind, payload in pieces:
        if kind == b"IHDR":
            payload = header.packed()
        elif kind == b"IDAT":
            if any(done == b"IDAT" for done, _ in out):
                continue
            payload = pixels
        elif kind == b"eXIf":
            payload = exif.after_turn(payload, size, sides_swapped=swapped)
        elif kind == b"iTXt" and payload.startswith(_XMP):
            payload = exif.xmp_with(payload, 1, size)
        elif kind == b"pHYs" and swapped and len(payload) == 9:
            payload = payload[4:8] + payload[:4] + payload[8:]
        out.append((kind, payload))
    return out
