"""TIFFs that ask for too much, or say what cannot be: the format has most room for that."""

from __future__ import annotations

import struct

from hostile.base import Pictures, entry, tiff

SHORT, LONG, BYTE, UNDEFINED = 3, 4, 1, 7


def plain(**changed: int) -> list[bytes]:
    """Return the entries of a grey picture of 8 x 8, with some values changed."""
    values = {
        "width": (256, 8),
        "height": (257, 8),
        "bits": (258, 8),
        "compression": (259, 1),
        "colours": (262, 1),
        "offset": (273, 8),
        "samples": (277, 1),
        "rows": (278, 8),
        "length": (279, 64),
        "predictor": (317, 1),
    }
    return [entry(tag, LONG, 1, changed.get(name, value)) for name, (tag, value) in values.items()]


def pictures() -> Pictures:
    """Return them by what they do."""
    pixels = bytes(range(256))
    made: Pictures = {
        "TIFF that follows itself": tiff(plain(), following=8, behind=pixels),
        "TIFF of nothing": tiff([]),
        "TIFF whose directory is beyond the end": b"II*\0\xf0\xff\xff\xff" + pixels,
        "TIFF whose directory is its header": b"II*\0\0\0\0\0" + pixels,
        "TIFF of 65,535 entries that are not there": b"II*\0\x08\0\0\0\xff\xff" + pixels,
        "TIFF whose details are the directory itself": tiff(
            [*plain(), entry(34_665, LONG, 1, 8)], behind=pixels
        ),
        "TIFF of 300 tags that each hold the whole file": tiff(
            [*plain(), *(entry(40_000 + n, UNDEFINED, 900_000, 8) for n in range(300))],
            behind=bytes(900_000),
        ),
        "TIFF with four thousand million offsets": tiff(
            [
                *plain()[:5],
                entry(273, LONG, 0xFFFFFFFF, 8),
                entry(279, LONG, 0xFFFFFFFF, 8),
            ],
            behind=pixels,
        ),
        "TIFF of 60,000 strips that are the same": tiff(
            [
                *plain(height=60000, rows=1)[:5],
                entry(273, SHORT, 60000, 200),
                entry(277, LONG, 1, 1),
                entry(278, LONG, 1, 1),
                entry(279, SHORT, 60000, 200),
            ],
            behind=b"\x08\0" * 60_200,
        ),
        "TIFF of tiles without size": tiff(
            [
                *plain()[:5],
                entry(322, LONG, 1, 0),
                entry(323, LONG, 1, 0),
                entry(324, LONG, 1, 8),
                entry(325, LONG, 1, 64),
            ],
            behind=pixels,
        ),
        "TIFF of tiles larger than itself": tiff(
            [
                *plain()[:5],
                entry(322, LONG, 1, 60000),
                entry(323, LONG, 1, 60000),
                entry(324, LONG, 1, 8),
                entry(325, LONG, 1, 64),
            ],
            behind=pixels,
        ),
        "BigTIFF of rubbish": b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**63) + pixels,
        "BigTIFF whose directory is beyond the end": b"II+\0\x08\0\0\0" + b"\xff" * 8 + pixels,
        "TIFF of the other byte order": b"MM\0*\0\0\0\x08" + tiff(plain(), behind=pixels)[8:],
    }
    for compression in (2, 3, 4, 5, 6, 7, 8, 32_773, 34_712, 34_925, 50_000, 50_001, 65_535):
        made[f"TIFF of compression {compression} that is none"] = tiff(
            plain(compression=compression), behind=pixels
        )
    for name, value in (
        ("width", 0),
        ("width", 0xFFFFFFFF),
        ("height", 0),
        ("height", 0xFFFFFFFF),
        ("bits", 0),
        ("bits", 65_535),
        ("samples", 0),
        ("samples", 65_535),
        ("rows", 0),
        ("rows", 0xFFFFFFFF),
        ("offset", 0xFFFFFFF0),
        ("length", 0),
        ("length", 0xFFFFFFFF),
        ("colours", 99),
        ("predictor", 3),
    ):
        made[f"TIFF that says {name} {value:,}"] = tiff(plain(**{name: value}), behind=pixels)
    for kind in (0, 2, 5, 12, 13, 16, 99):
        entries = [struct.pack("<HHII", 256, kind, 1, 8), *plain()[1:]]
        made[f"TIFF whose width is of kind {kind}"] = tiff(entries, behind=pixels)
    return made
