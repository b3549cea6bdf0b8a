"""JPEGs that ask for too much, or say what cannot be."""

from __future__ import annotations

import struct

from many_scans import many_scans

from hostile.base import Pictures, entry, jpeg, ordinary, segment, tiff

EXIF = b"Exif\0\0"


def pictures() -> Pictures:
    """Return them by what they do."""
    data = ordinary("JPEG")
    frame = data.index(b"\xff\xc0")
    made: Pictures = {
        "JPEG of 400 scans": many_scans(64, 390),
        "JPEG of 5,000 scans": many_scans(64, 5_000),
        "JPEG of a megabyte of fill bytes": data[:2] + b"\xff" * 1_000_000 + data[2:],
        "JPEG of 100,000 empty segments": jpeg(segment(0xFE, b"") * 100_000),
        "JPEG of its beginning and end": b"\xff\xd8\xff\xd9",
        "JPEG of beginnings": b"\xff\xd8" * 100_000,
        "JPEG without tables": data[:frame].split(b"\xff\xdb")[0] + data[frame:],
        "JPEG with two frames": data[:frame] + data[frame : frame + 19] + data[frame:],
        "JPEG with restarts of every unit": jpeg(segment(0xDD, b"\0\1")),
        "JPEG with a Huffman table of rubbish": jpeg(segment(0xC4, b"\x00" + b"\xff" * 16)),
        "JPEG with a short Huffman table": jpeg(segment(0xC4, b"\x00")),
        "JPEG with a short quantization table": jpeg(segment(0xDB, b"\x00" * 10)),
        "JPEG with quantizers of zero": jpeg(segment(0xDB, bytes(65))),
        "JPEG with an arithmetic table": jpeg(segment(0xCC, b"\0\x10")),
        "JPEG that says it is hierarchical": jpeg(segment(0xDE, bytes(6))),
        "JPEG with Adobe's unknown transform": jpeg(segment(0xEE, b"Adobe\0\x64\0\0\0\0\xff")),
        "JPEG with a thumbnail of 255 x 255 that is not there": jpeg(
            segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\xff\xff")
        ),
        "JPEG with XMP of a billion laughs": jpeg(
            segment(
                0xE1,
                b'http://ns.adobe.com/xap/1.0/\0<!DOCTYPE a [<!ENTITY a "&b;&b;">'
                b'<!ENTITY b "&a;&a;">]><x:xmpmeta tiff:Orientation="&a;"/>',
            )
        ),
        "JPEG with other pictures at impossible places": jpeg(
            segment(0xE2, b"MPF\0" + tiff([entry(0xB001, 4, 1, 9), entry(0xB002, 7, 160, 50)]))
        ),
    }
    for marker in (*range(0xC1, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), 0xCD, 0xCE, 0xCF):
        made[f"JPEG with frame {marker:#x}"] = _at(data, frame + 1, bytes([marker]))
    for height, width in ((0, 64), (48, 0), (65_535, 65_535), (65_500, 1), (30_000, 30_000)):
        made[f"JPEG that says {width} x {height}"] = _at(
            data, frame + 5, struct.pack(">HH", height, width)
        )
    for layers in (0, 2, 5, 255):
        made[f"JPEG of {layers} layers"] = _at(data, frame + 9, bytes([layers]))
    for depth in (0, 1, 12, 16, 255):
        made[f"JPEG of {depth} bits"] = _at(data, frame + 4, bytes([depth]))
    for sampling in (0x00, 0x55, 0xFF, 0x14):
        made[f"JPEG of sampling {sampling:#x}"] = _at(data, frame + 11, bytes([sampling]))
    return made | _with_exif() | _with_colour_profile()


def _at(data: bytes, position: int, put: bytes) -> bytes:
    return data[:position] + put + data[position + len(put) :]


def _with_exif() -> Pictures:
    orientation = entry(0x0112, 3, 1, 6)
    blocks = {
        "nothing": b"",
        "rubbish": b"\xff" * 400,
        "a directory that follows itself": tiff([orientation], following=8),
        "details that are the directory itself": tiff([entry(0x8769, 4, 1, 8), orientation]),
        "details beyond the end": tiff([entry(0x8769, 4, 1, 0xFFFFFFF0)]),
        "four thousand million values": tiff([entry(0x0112, 3, 0xFFFFFFFF, 8)]),
        "values of an unknown kind": tiff([entry(0x0112, 999, 1, 6)]),
        "an orientation of 60,000": tiff([entry(0x0112, 3, 1, 60_000)]),
        "65,535 entries": b"II*\0\x08\0\0\0\xff\xff" + orientation * 5_000,
        "a thumbnail that is the whole block": tiff(
            [orientation, entry(0x0201, 4, 1, 0), entry(0x0202, 4, 1, 0xFFFFFFFF)]
        ),
    }
    return {
        f"JPEG with EXIF of {name}": jpeg(segment(0xE1, EXIF + b)) for name, b in blocks.items()
    }


def _with_colour_profile() -> Pictures:
    name = b"ICC_PROFILE\0"
    parts = {
        "rubbish": [b"\x01\x01" + b"\xee" * 500],
        "part 0 of 0": [b"\x00\x00" + bytes(200)],
        "part 9 of 2": [b"\x09\x02" + bytes(200)],
        "255 parts": [bytes([n, 255]) + bytes(200) for n in range(1, 256)],
        "a size of 4 GB": [b"\x01\x01" + b"\xff\xff\xff\xff" + bytes(124)],
    }
    return {
        f"JPEG with a colour profile of {what}": jpeg(*(segment(0xE2, name + b) for b in bodies))
        for what, bodies in parts.items()
    }
