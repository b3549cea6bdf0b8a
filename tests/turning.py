"""Pictures to turn, with all that cameras write into them, and how they are seen."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, ImageOps

from connector.actions.lossless import rotate
from connector.actions.orientation import Tag

LIMIT = 100_000_000
TURNS = {90: Tag.ROTATE_90, 180: Tag.ROTATE_180, 270: Tag.ROTATE_270}
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" '
    b'exif:PixelXDimension="64"/></x:xmpmeta>'
)


def noise(size: tuple[int, int], mode: str = "RGB", seed: int = 1) -> Image.Image:
    """A picture in which no two places look alike; smooth, so that JPEG stays close to it."""
    values = np.random.default_rng(seed).integers(0, 256, (4, 4, 4), np.uint8)
    big = Image.fromarray(values, "RGBA").resize(size, Image.Resampling.BICUBIC)
    return big.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the picture in a file format."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return the pixels as the file has them."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def seen(data: bytes) -> Image.Image:
    """Return the picture as a person sees it."""
    return ImageOps.exif_transpose(opened(data))


def pixels(image: Image.Image) -> bytes:
    """Return what two equal pictures have in common."""
    return image.convert("RGBA").tobytes()


def turn(data: bytes, degrees: int):
    """Turn a file clockwise."""
    return rotate(data, degrees, max_pixels=LIMIT)


def exif_block(orientation: int | None = 6, size=(64, 32), thumbnail: bytes = b"") -> bytes:
    """An EXIF block as a camera writes it, with a maker note whose place must not change."""
    entries = [(0x010F, 2, 4, b"ACM\0"), (0x011A, 5, 1, 200), (0x011B, 5, 1, 208)]
    if orientation:
        entries.append((0x0112, 3, 1, struct.pack("<HH", orientation, 0)))
    entries = sorted([*entries, (0x8769, 4, 1, 100)])
    out = bytearray(320)
    out[:8] = b"II*\0" + struct.pack("<I", 8)

    def directory(at: int, rows: list, link: int) -> None:
        out[at : at + 2] = struct.pack("<H", len(rows))
        for number, (tag, kind, count, value) in enumerate(rows):
            packed = value if isinstance(value, bytes) else struct.pack("<I", value)
            start = at + 2 + 12 * number
            out[start : start + 12] = struct.pack("<HHI", tag, kind, count) + packed
        end = at + 2 + 12 * len(rows)
        out[end : end + 4] = struct.pack("<I", link)

    directory(8, entries, 250 if thumbnail else 0)
    directory(100, [(0x927C, 7, 4, b"note"), (0xA002, 4, 1, size[0]), (0xA003, 4, 1, size[1])], 0)
    out[200:216] = struct.pack("<IIII", 300, 1, 72, 1)
    if thumbnail:
        shown = [(0x0112, 3, 1, struct.pack("<HH", orientation, 0))] if orientation else []
        place = [(0x0201, 4, 1, 320), (0x0202, 4, 1, len(thumbnail))]
        directory(250, [*shown, *place], 0)
    return bytes(out) + thumbnail
