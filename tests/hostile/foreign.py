"""What is no picture of ours, whatever its name says; and files that are two things at once."""

from __future__ import annotations

import io
import zipfile

from hostile.base import Pictures, ordinary

LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))


def pictures() -> Pictures:
    """Return them by what they are."""
    return {
        "nothing": b"",
        "one byte": b"\xff",
        "zeros": bytes(5_000),
        "ones": b"\xff" * 5_000,
        "words": b"only words\n" * 50,
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "SVG that names a file": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM '
        b'"file:///etc/passwd">]><svg><text>&x;</text></svg>',
        "SVG of a billion laughs": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY l0 "ha">'
        + LAUGHS
        + b"]><svg>&l9;</svg>",
        "SVG that calls": b'<svg><image href="http://169.254.169.254/latest/meta-data/"/></svg>',
        "SVG, compressed": b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"\xb3" * 40,
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
        "EPS for Windows": b"\xc5\xd0\xd3\xc6" + bytes(60),
        "PostScript": b"%!PS\n{1 1 add pop} loop\n",
        "MVG": b"push graphic-context\nviewbox 0 0 9 9\nfill 'url(https://127.0.0.1/\"|id \")'\n",
        "MSL": b'<?xml version="1.0"?><image><read filename="/etc/passwd"/></image>',
        "WMF": b"\xd7\xcd\xc6\x9a" + bytes(60),
        "EMF": b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(60),
        "ICO": b"\0\0\1\0\1\0" + bytes(60),
        "CUR": b"\0\0\2\0\1\0" + bytes(60),
        "PSD": b"8BPS\0\1" + bytes(60),
        "XCF": b"gimp xcf file\0" + bytes(60),
        "PCX": b"\x0a\x05\1\x08" + bytes(124),
        "TGA": b"\0\0\2" + bytes(9) + b"\xff\xff\xff\xff\x18\0" + bytes(60),
        "FITS": b"SIMPLE  =                    T" + b" " * 2_850,
        "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
        "JPEG XL": b"\xff\x0a" + bytes(60),
        "DDS": b"DDS |\0\0\0" + b"\xff" * 120,
        "Radiance": b"#?RADIANCE\n\n-Y 99999 +X 99999\n",
        "PPM": b"P6 99999 99999 255\n",
        "PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
        "DICOM": bytes(128) + b"DICM" + bytes(60),
        "HTML": b"<!DOCTYPE html><script>alert(1)</script>",
        "a program": b"\x7fELF\x02\x01\x01" + bytes(60),
        "a Windows program": b"MZ\x90\0" + bytes(60),
        "a shell script": b"#!/bin/sh\nrm -rf /\n",
        "a film": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(60),
        "a Matroska film": b"\x1aE\xdf\xa3" + bytes(60),
        "a sound": b"RIFF\x24\0\0\0WAVEfmt " + bytes(60),
        "a 7-zip archive": b"7z\xbc\xaf\x27\x1c" + bytes(60),
        "a RAR archive": b"Rar!\x1a\x07\1\0" + bytes(60),
        "a tar archive": b"a.jpg" + bytes(252) + b"ustar\0" + bytes(250),
        "a pickle that calls": b"cposix\nsystem\n(S'id'\ntR.",
        "an ONNX model": b"\x08\x08\x12\x07pytorch" + bytes(60),
        "a zip": _zip(),
        "a JPEG that is a zip as well": ordinary("JPEG") + _zip(),
        "a GIF that is a zip as well": ordinary("GIF") + _zip(),
        "a PNG that is a page as well": ordinary("PNG") + b"<script>alert(1)</script>",
        "a GIF that is a script": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)//",
        "a BMP that is a script": b"BM/*" + bytes(40) + b"*/=1;alert(1)//",
        "a JPEG with a PHP comment": ordinary("JPEG")[:2]
        + b"\xff\xfe\x00\x1c<?php system($_GET['c']);?>"
        + ordinary("JPEG")[2:],
        "a PDF that is a JPEG as well": b"%PDF-1.4\n" + ordinary("JPEG"),
        "a JPEG inside HTML": b"<html>" + ordinary("JPEG"),
        "a BMP of an unknown header": b"BM" + bytes(12) + b"\x63\0\0\0" + bytes(60),
        "a text in UTF-16": "text".encode("utf-16") * 50,
        "a name of a file": b"/etc/passwd",
        "an address": b"http://169.254.169.254/",
    }


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.txt"), b"a")
    return out.getvalue()
