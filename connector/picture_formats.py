"""How each picture format begins and where it ends, told from the bytes alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_PICTURES_ONLY = "send JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF instead"


@dataclass(frozen=True)
class Format:
    """A picture format: Pillow's name, media type, and suffix with its dot."""

    name: str
    media_type: str
    suffix: str


JPEG = Format("JPEG", "image/jpeg", ".jpg")
PNG = Format("PNG", "image/png", ".png")
WEBP = Format("WEBP", "image/webp", ".webp")
GIF = Format("GIF", "image/gif", ".gif")
BMP = Format("BMP", "image/bmp", ".bmp")
TIFF = Format("TIFF", "image/tiff", ".tif")
HEIF = Format("HEIF", "image/heic", ".heic")
AVIF = Format("AVIF", "image/avif", ".avif")
FORMATS = (JPEG, PNG, WEBP, GIF, BMP, TIFF, HEIF, AVIF)

_MAGIC = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})

_OTHER_MAGIC = (
    (b"%PDF", "a PDF file", "send its pages as pictures (JPEG or PNG)"),
    (b"%!PS", "an EPS or PostScript file", "send it as PNG or JPEG"),
    (b"\xc5\xd0\xd3\xc6", "an EPS file", "send it as PNG or JPEG"),
    (b"8BPS", "a Photoshop file", "send it as PNG or JPEG"),
    (b"\xff\x0a", "a JPEG XL picture", _PICTURES_ONLY),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture", _PICTURES_ONLY),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture", _PICTURES_ONLY),
    (b"\x00\x00\x01\x00", "a Windows icon", "send it as PNG"),
    (b"\x1aE\xdf\xa3", "a video", "send a still picture (JPEG or PNG)"),
    (b"PK\x03\x04", "a ZIP archive", "send one picture at a time, or labelled ones as an import"),
)


def sniff(data: bytes) -> Format | None:
    """Tell the format from the first bytes; None when it is none of ours."""
    for magic, found in _MAGIC:
        if data.startswith(magic):
            return found
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[:2] == b"BM" and len(data) >= 18 and _u32le(data, 14) in _BMP_HEADERS:
        return BMP
    if data[4:8] == b"ftyp":
        return _sniff_iso_media(data)
    return None


def _sniff_iso_media(data: bytes) -> Format | None:
    end = min(_u32be(data, 0), 256) if len(data) >= 8 else 8
    brands = {data[i : i + 4] for i in (8, *range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return AVIF
    return HEIF if brands & _HEIF_BRANDS else None


def foreign_format(data: bytes) -> tuple[str, str] | None:
    """Name a kind of file that is known but not taken ("a PDF file"), and what to send instead."""
    for magic, name, instead in _OTHER_MAGIC:
        if data.startswith(magic):
            return name, instead
    if data[4:8] == b"ftyp":
        return "a video", "send a still picture (JPEG or PNG)"
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<svg", b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in head:
        return "an SVG drawing", "send it as PNG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page", "give the address of the picture itself, not of the page that shows it"
    return None


def is_whole(data: bytes, kind: str, pieces: list[tuple[int, int]]) -> bool:
    """Say of a TIFF, HEIF or AVIF whether the file goes on to its end, without decoding pixels.

    `pieces` are (offset, length) of pixel data named by the header of a TIFF, which has no end
    marker. The others are judged by `connector.jpeg_header` and `connector.picture_headers`.
    """
    if kind == TIFF.name:
        return all(offset + length <= len(data) for offset, length in pieces)
    return _iso_media_ends(data)


def _iso_media_ends(data: bytes) -> bool:
    """Every box lies within the file, and there is one with pixels."""
    position = 0
    kinds: set[bytes] = set()
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        if size == 1 and position + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, position + 8)
        kinds.add(kind)
        if size == 0:
            break
        if size < 8 or position + size > len(data):
            return False
        position += size
    return b"meta" in kinds and (b"mdat" in kinds or b"idat" in data[:4096])


def _u32le(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "little")


def _u32be(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "big")
