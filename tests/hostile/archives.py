"""Hostile zip archives; one good picture is in those that have room for it."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from functools import cache

from hostile.base import ordinary

Archives = dict[str, bytes]
GOOD = "ant/good.png"
NAMES = (
    "../../outside.png",
    "ant/../../../outside.png",
    "/etc/outside.png",
    "//server/share/outside.png",
    "C:\\Windows\\outside.png",
    "..\\..\\outside.png",
    "ant\\..\\..\\outside.png",
    "\\\\?\\C:\\outside.png",
    "ant/con.png",
    "ant/a:stream.png",
    "ant/.png",
    "ant/ .png",
    "ant/..",
    "ant/...",
    ".",
    "..",
    "/",
    "ant/line\nbreak.png",
    "ant/\x1b[31mred.png",
    "ant/\u202egnp.exe",
    "ant/nul\0byte.png",
    "ant/" + "x" * 5_000 + ".png",
    "/".join("d" * 300) + "/deep.png",
    "<script>alert(1)</script>/a.png",
    "=cmd|' /C calc'!A0/a.png",
    "{label}/{0.__class__}/a.png",
    "%2e%2e/%2e%2e/a.png",
    "~root/a.png",
    "$(id)/a.png",
    "ant; rm -rf ~/a.png",
)


@cache
def archives() -> Archives:
    """Return every one by its name."""
    made = {
        f"a file named {name[:40]!r}": packed([(GOOD, picture()), (name, picture(b"2"))])
        for name in NAMES
    }
    return made | _broken() | _lying() | _bombs() | _others()


def picture(behind: bytes = b"") -> bytes:
    """Return a picture; other bytes behind it make it another one."""
    return ordinary("PNG") + behind


def packed(files: Iterable[tuple[str | zipfile.ZipInfo, bytes]], *, stored: bool = False) -> bytes:
    """Return a zip; names come in as they are, NUL bytes too."""
    out = io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo("x")
            if isinstance(name, str):
                info.filename = name
            info.compress_type = method
            archive.writestr(info, data)
            archive.NameToInfo.clear()  # which would not let a name come twice
    return out.getvalue()


def _broken() -> Archives:
    whole = packed([(GOOD, picture()), ("bee/2.png", picture(b"2"))])
    end = whole.rfind(b"PK\x05\x06")
    listed = whole.find(b"PK\x01\x02")
    made = {f"cut at {part:.0%}": whole[: int(len(whole) * part)] for part in (0.1, 0.5, 0.9, 0.99)}
    made |= {
        "nothing": b"",
        "its beginning alone": b"PK\x03\x04",
        "its end alone": whole[end:],
        "words behind a beginning": b"PK\x03\x04" + b"words " * 500,
        "zeros inside": whole[:60] + bytes(100) + whole[160:],
        "a list of files beyond the end": whole[: end + 16]
        + b"\xff\xff\xff\x7f"
        + whole[end + 20 :],
        "a list of files at its own end": whole[: end + 16]
        + struct.pack("<I", end)
        + whole[end + 20 :],
        "another number of files": whole[: end + 10] + b"\xff\xff" + whole[end + 12 :],
        "a file that is beyond the end": whole[: listed + 42]
        + b"\xff\xff\xff\x7f"
        + whole[listed + 46 :],
        "an unknown compression": whole[: listed + 10] + b"\x63\0" + whole[listed + 12 :],
        "a comment that is too long": whole[:-2] + b"\xff\xff",
        "two archives in one file": whole + whole,
        "an archive behind a picture": ordinary("JPEG") + whole,
        "something behind it": whole + b"x" * 70_000,
        "a wrong checksum": whole[: listed + 16] + b"\1\2\3\4" + whole[listed + 20 :],
        "a gzip": b"\x1f\x8b\x08" + bytes(60),
        "a tar": b"a" + bytes(256) + b"ustar\0" + bytes(250),
    }
    return made


def _lying() -> Archives:
    whole = packed([(GOOD, picture()), ("bee/big.png", bytes(3_000_000))])
    listed = whole.rfind(b"PK\x01\x02")
    made = {}
    for size in (0, 10, 0xFFFFFFFE):
        told = struct.pack("<I", size)
        made[f"a file that says it has {size:,} bytes"] = (
            whole[: listed + 24] + told + whole[listed + 28 :]
        )
        made[f"a file that says it is packed into {size:,} bytes"] = (
            whole[: listed + 20] + told + whole[listed + 24 :]
        )
    for flag, name in ((0x1, "encrypted"), (0x41, "strongly encrypted"), (0x20, "patched")):
        made[f"a file that says it is {name}"] = (
            whole[: listed + 8] + struct.pack("<H", flag) + whole[listed + 10 :]
        )
    return made


def _bombs() -> Archives:
    zeros = packed([("bee/0.png", bytes(5_000_000))])
    return {
        "5 MB of zeros": packed([(GOOD, picture()), ("bee/0.png", bytes(5_000_000))]),
        "a zip in a zip in a zip": packed(
            [(GOOD, picture()), ("bee/1.zip", packed([("2.zip", zeros)]))]
        ),
        "400 files that are the same bytes": _overlapping(400),
        "a bomb of 4 PB": _overlapping(2_000, said=2**32 - 2),
        "a picture that is a bomb": packed([(GOOD, picture()), ("bee/b.png", _bomb())]),
    }


def _bomb() -> bytes:
    """A PNG of 400 million pixels."""
    head = struct.pack(">I4sIIBBBBB", 13, b"IHDR", 20_000, 20_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + head + struct.pack(">I", zlib.crc32(head[4:])) + picture()[33:]


def _overlapping(count: int, said: int | None = None) -> bytes:
    """Many entries that all point to the one file there is."""
    whole = packed([("ant/0.png", bytes(500_000))])
    listed, end = whole.find(b"PK\x01\x02"), whole.rfind(b"PK\x05\x06")
    row = whole[listed:end]
    if said is not None:
        row = row[:24] + struct.pack("<I", said) + row[28:]
    rows = b"".join(row.replace(b"ant/0.png", b"ant/%05d" % n) for n in range(count))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(rows), listed, 0)
    return whole[:listed] + rows + tail


def _others() -> Archives:
    link, pipe = zipfile.ZipInfo("bee/link.png"), zipfile.ZipInfo("bee/pipe.png")
    link.external_attr, pipe.external_attr = 0o120777 << 16, 0o010666 << 16
    return {
        "a link to a password": packed([(GOOD, picture()), (link, b"/etc/passwd")]),
        "a pipe": packed([(GOOD, picture()), (pipe, b"")]),
        "10,000 files": packed([(f"ant/{n}.txt", b"") for n in range(10_000)], stored=True),
        "one name twice": packed([(GOOD, picture()), (GOOD, picture(b"2"))]),
        "one picture under two labels": packed([(GOOD, picture()), ("bee/1.png", picture())]),
        "folders alone": packed([("ant/", b""), ("bee/", b"")]),
        "no picture at all": packed([("ant/1.txt", b"words"), ("bee/2.exe", b"MZ")]),
        "a table of labels that is none": packed(
            [("labels.csv", b"\xff\xfe\0\0" * 50), (GOOD, picture())]
        ),
        "a table that names what is outside": packed(
            [("labels.csv", b"file,label\n../../etc/passwd,ant\n"), (GOOD, picture())]
        ),
        "a table of a formula": packed(
            [("labels.csv", b"file,label\nant/good.png,=cmd|' /C calc'!A0\n"), (GOOD, picture())]
        ),
        "labels of 500 characters": packed([("x" * 500 + "/1.png", picture())]),
        "300 labels": packed([(f"label {n}/1.png", picture(b"%d" % n)) for n in range(300)]),
    }
