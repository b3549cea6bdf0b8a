"""PNGs that ask for too much, or say what cannot be."""

from __future__ import annotations

import struct
import zlib

from hostile.base import PIXELS, Pictures, chunk, entry, ordinary, png, tiff

BOMB = zlib.compress(bytes(20_000_000), 9)


def pictures() -> Pictures:
    """Return them by what they do."""
    data = ordinary("PNG")
    made: Pictures = {
        "PNG with a bomb of a text": png(chunk(b"zTXt", b"a\0\0" + BOMB), PIXELS),
        "PNG with twenty bombs of texts": png(chunk(b"zTXt", b"a\0\0" + BOMB) * 20, PIXELS),
        "PNG with a bomb of an international text": png(
            chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB), PIXELS
        ),
        "PNG with a bomb behind its pixels": png(PIXELS, chunk(b"zTXt", b"a\0\0" + BOMB)),
        "PNG with a bomb of a colour profile": png(chunk(b"iCCP", b"a\0\0" + BOMB), PIXELS),
        "PNG with a colour profile of rubbish": png(
            chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\xee" * 500)), PIXELS
        ),
        "PNG of 30,000 texts": png(chunk(b"tEXt", b"k\0v") * 30_000, PIXELS),
        "PNG of 70,000 unknown chunks": png(chunk(b"junk", b"") * 70_000, PIXELS),
        "PNG of 60,000 pieces of pixels": png(chunk(b"IDAT", b"") * 60_000, PIXELS),
        "PNG without pixels": png(),
        "PNG of pixels that are no stream": png(chunk(b"IDAT", b"\xff" * 100)),
        "PNG of too few pixels": png(chunk(b"IDAT", zlib.compress(b"\0"))),
        "PNG of far too many pixels": png(chunk(b"IDAT", BOMB)),
        "PNG of an unknown filter": png(chunk(b"IDAT", zlib.compress(b"\x77" * 200))),
        "PNG that begins with pixels": b"\x89PNG\r\n\x1a\n" + PIXELS + data[8:],
        "PNG with two headers": data[:33] + data[8:33] + data[33:],
        "PNG with a short header": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0\0\0\1"),
        "PNG of a palette that is missing": png(PIXELS, colour=3),
        "PNG of a palette of two bytes": png(chunk(b"PLTE", b"ab"), PIXELS, colour=3),
        "PNG of a palette of 9,000 colours": png(chunk(b"PLTE", bytes(27_000)), PIXELS, colour=3),
        "PNG with transparency for 9,000 colours": png(chunk(b"tRNS", bytes(9_000)), PIXELS),
        "PNG of a million announced frames": png(
            chunk(b"acTL", struct.pack(">II", 1_000_000, 0)), PIXELS
        ),
        "PNG of a frame that sticks out": png(
            chunk(b"acTL", struct.pack(">II", 2, 0)),
            chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 99_999, 99_999, 5, 5, 1, 1, 0, 0)),
            PIXELS,
        ),
        "PNG with EXIF that follows itself": png(
            chunk(b"eXIf", tiff([entry(0x0112, 3, 1, 6)], following=8)), PIXELS
        ),
        "PNG with a wrong checksum": data[:40] + bytes(4) + data[44:],
        "PNG with short side notes": png(
            *(
                chunk(kind, b"\1")
                for kind in (b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"tIME", b"bKGD")
            ),
            PIXELS,
        ),
    }
    for length in (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF4):
        huge = struct.pack(">I4s", length, b"tEXt")
        made[f"PNG with a chunk of {length:,} bytes"] = data[:33] + huge + data[33:]
    for depth, colour in ((0, 2), (3, 0), (16, 3), (1, 6), (255, 255), (8, 1), (4, 4)):
        made[f"PNG of depth {depth} and colour {colour}"] = png(PIXELS, depth=depth, colour=colour)
    for width, height in (
        (0, 8),
        (8, 0),
        (0xFFFFFFFF, 1),
        (0x7FFFFFFF, 0x7FFFFFFF),
        (1, 4_000_000),
    ):
        made[f"PNG that says {width} x {height}"] = png(PIXELS, size=(width, height))
    return made
