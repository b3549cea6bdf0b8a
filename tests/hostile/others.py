"""GIF, WebP, BMP, HEIF and AVIF that ask for too much, or say what cannot be."""

from __future__ import annotations

import struct

from hostile.base import Pictures, box, entry, ordinary, tiff


def pictures() -> Pictures:
    """Return them by what they do."""
    return _gifs() | _webps() | _bmps() | _heifs()


def _gif(*blocks: bytes, size: tuple[int, int] = (8, 8)) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + bytes(6) + b"".join(blocks) + b";"


def _frame(
    left: int, top: int, width: int, height: int, body: bytes = b"\x02\x02\x4c\x01\0"
) -> bytes:
    return b"," + struct.pack("<HHHHB", left, top, width, height, 0) + body


def _gifs() -> Pictures:
    small = _frame(0, 0, 8, 8)
    comment = b"!\xfe" + b"\xff" + b"c" * 255
    return {
        "GIF of a frame of 65,535 x 65,535": _gif(_frame(0, 0, 65_535, 65_535)),
        "GIF of a frame far outside": _gif(_frame(65_535, 65_535, 9, 9)),
        "GIF of a screen of 65,535 x 65,535": _gif(small, size=(65_535, 65_535)),
        "GIF of a screen without size": _gif(small, size=(0, 0)),
        "GIF of a frame without size": _gif(_frame(0, 0, 0, 0)),
        "GIF of 3,000 comments": _gif(comment * 3_000 + b"\0", small),
        "GIF of a comment without end": _gif(comment * 3_000),
        "GIF of 300,000 tiny blocks": _gif(_frame(0, 0, 8, 8, b"\x02" + b"\1\0" * 300_000 + b"\0")),
        "GIF of 5,000 frames": _gif(small * 5_000),
        "GIF of a code of 99 bits": _gif(_frame(0, 0, 8, 8, b"\x63\x02\x4c\x01\0")),
        "GIF of a code of no bits": _gif(_frame(0, 0, 8, 8, b"\x00\x02\x4c\x01\0")),
        "GIF of nothing": _gif(),
        "GIF of an unknown block": _gif(b"\x99\1\2\3", small),
        "GIF of a short extension": _gif(b"!\xf9\x01\x01\0", small),
        "GIF of pixels that end at once": _gif(_frame(0, 0, 8, 8, b"\x02\0")),
        "GIF of pixels of rubbish": _gif(
            _frame(0, 0, 200, 200, b"\x08\xff" + b"\xff" * 255 + b"\0")
        ),
    }


def _riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def _part(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    padded = body + bytes(len(body) % 2)
    return kind + struct.pack("<I", len(body) if size is None else size) + padded


def _canvas(flags: int, width: int, height: int) -> bytes:
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return _part(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def _webps() -> Pictures:
    data = ordinary("WEBP")
    lossy = data[12:]
    loops = tiff([entry(0x0112, 3, 1, 6)], following=8)
    return {
        "WebP of a canvas of 16 million a side": _riff(_canvas(0, 2**24, 2**24), lossy),
        "WebP of a canvas of 16,383 a side": _riff(_canvas(2, 16_383, 16_383), lossy),
        "WebP of another canvas than its frame": _riff(_canvas(0, 7, 7), lossy),
        "WebP of rubbish in its transparency": _riff(
            _canvas(16, 64, 48), _part(b"ALPH", b"\xff" * 99), lossy
        ),
        "WebP with a colour profile of rubbish": _riff(
            _canvas(32, 64, 48), _part(b"ICCP", b"\xee" * 500), lossy
        ),
        "WebP with EXIF that follows itself": _riff(
            _canvas(8, 64, 48), lossy, _part(b"EXIF", b"Exif\0\0" + loops)
        ),
        "WebP that says it has no bytes": data[:4] + bytes(4) + data[8:],
        "WebP that says it has 4 GB": data[:4] + b"\xff" * 4 + data[8:],
        "WebP of a chunk of 4 GB": _riff(_canvas(0, 64, 48), _part(b"VP8 ", lossy[8:], 2**32 - 2)),
        "WebP of a canvas alone": _riff(_canvas(0, 64, 48)),
        "WebP of 4,000 empty frames": _riff(
            _canvas(2, 64, 48), _part(b"ANIM", bytes(6)), _part(b"ANMF", bytes(16)) * 4_000
        ),
        "WebP without loss, of 16,384 a side": _riff(_part(b"VP8L", b"\x2f" + b"\xff" * 40)),
        "WebP without loss, of rubbish": _riff(
            _part(b"VP8L", b"\x2f\x07\xc0\x01\x00" + b"\xa5" * 90)
        ),
        "WebP of an unknown frame": _riff(_part(b"VP9 ", bytes(60))),
        "WebP of a frame of rubbish": _riff(
            _part(b"VP8 ", b"\x10\x02\0\x9d\x01\x2a\x40\0\x30\0" + b"\xff" * 90)
        ),
    }


def _bmps() -> Pictures:
    def bmp(width: int, height: int, bits: int, kind: int, body: bytes, colours: int = 0) -> bytes:
        head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, kind, 0, 1, 1, colours, 0)
        return b"BM" + struct.pack("<IHHI", 54 + len(body), 0, 0, 54) + head + body

    made = {
        "BMP of two million rows": bmp(1, 2_000_000, 1, 0, bytes(300)),
        "BMP of the smallest number of rows": bmp(8, -(2**31), 8, 0, bytes(300)),
        "BMP of fewer than no columns": bmp(-8, 8, 8, 0, bytes(300)),
        "BMP without columns": bmp(0, 8, 8, 0, bytes(300)),
        "BMP of 4,000 million colours": bmp(8, 8, 8, 0, bytes(300), 2**32 - 1),
        "BMP of runs that leave it": bmp(8, 8, 8, 1, bytes(1024) + b"\xff\1" * 500, 256),
        "BMP of jumps that leave it": bmp(8, 8, 8, 1, bytes(1024) + b"\0\2\xff\xff" * 500, 256),
        "BMP of runs without end": bmp(8_000, 2_000, 8, 1, bytes(1024) + b"\xff\1", 256),
    }
    for bits in (0, 2, 3, 64, 65_535):
        made[f"BMP of {bits} bits"] = bmp(8, 8, bits, 0, bytes(2_000))
    for kind in (2, 3, 4, 5, 6, 99):
        made[f"BMP of compression {kind}"] = bmp(8, 8, 8, kind, bytes(2_000))
    return made


def _heifs() -> Pictures:
    made: Pictures = {}
    for kind, brand in (("HEIF", b"heic"), ("AVIF", b"avif")):
        data = ordinary(kind)
        head = box(b"ftyp", brand + bytes(4) + brand + b"mif1")
        meta = data.index(b"meta") - 4
        extent = data.index(b"ispe") + 8
        made |= {
            f"{kind} of its kind alone": head,
            f"{kind} of an empty description": head + box(b"meta", bytes(4)) + box(b"mdat", b"x"),
            f"{kind} of 3,000 nested boxes": head + _nested(3_000) + box(b"mdat", b"x"),
            f"{kind} of 30,000 empty boxes": head + box(b"free", b"") * 30_000 + data[meta:],
            f"{kind} of a box without end": head + box(b"meta", bytes(40), 0),
            f"{kind} of a box of 16 EB": head + struct.pack(">I4sQ", 1, b"meta", 2**63 + 99),
            f"{kind} of a box of 3 bytes": head + box(b"meta", bytes(40), 3),
            f"{kind} of rubbish": head + box(b"meta", b"\xff" * 400) + box(b"mdat", b"\xff" * 400),
            f"{kind} without pixels": data[: data.index(b"mdat") - 4],
            f"{kind} of pixels of rubbish": data[: data.index(b"mdat") + 4] + b"\xa5" * 600,
        }
        for side in (0, 16_000, 65_536, 2**32 - 1):
            sized = data[:extent] + struct.pack(">II", side, side) + data[extent + 8 :]
            made[f"{kind} that says {side:,} a side"] = sized
        for what in (b"iloc", b"iinf", b"ipma", b"ipco", b"pitm"):
            place = data.index(what) + 4
            made[f"{kind} of rubbish in {what.decode()}"] = (
                data[:place] + b"\xff" * 12 + data[place + 12 :]
            )
    return made


def _nested(depth: int) -> bytes:
    inner = 8 * depth
    return b"".join(struct.pack(">I4s", inner - 8 * n, b"meta") for n in range(depth))
