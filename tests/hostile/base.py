"""Ordinary small pictures of every format, and the pieces that hostile ones are put together of."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
Pictures = dict[str, bytes]


@cache
def ordinary(kind: str) -> bytes:
    """Return a picture of 64 x 48 pixels."""
    pixels = np.random.default_rng(7).integers(0, 255, (48, 64, 3), np.uint8)
    return encoded(Image.fromarray(pixels), kind)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes, size: tuple[int, int] = (8, 8), depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG whose header is followed by these chunks and the end."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


PIXELS = chunk(b"IDAT", zlib.compress(bytes(8 * 25)))


def segment(marker: int, body: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(*segments: bytes) -> bytes:
    """Return the ordinary JPEG with these segments behind its beginning."""
    data = ordinary("JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    """Return one entry of a TIFF directory, little-endian."""
    return struct.pack("<HHII", tag, kind, count, value)


def tiff(entries: list[bytes], *, following: int = 0, behind: bytes = b"") -> bytes:
    """Return a TIFF of one directory, at offset 8; `behind` comes after it."""
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return head + b"".join(entries) + struct.pack("<I", following) + behind


def box(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    """Return a box of HEIF and AVIF."""
    return struct.pack(">I4s", 8 + len(body) if size is None else size, kind) + body
