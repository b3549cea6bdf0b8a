"""Pictures at the door: good ones of every format come in, everything else gets a sentence."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from connector import decoding, pictures
from connector.errors import (
    BadRequest,
    ColabelError,
    TooLarge,
    Unprocessable,
    UnsupportedMedia,
)
from connector.settings import Settings

pillow_heif.register_heif_opener()

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
SETTINGS = Settings(secret_key="tests")


def encode(format_name: str, **options: object) -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, format_name, **options)
    return stream.getvalue()


@pytest.mark.parametrize("check", [pictures.inspect, pictures.verify])
@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_is_known_with_its_size(
    format_name: str, check: Callable[[bytes, Settings], pictures.PictureInfo]
) -> None:
    info = check(encode(format_name), SETTINGS)
    assert (info.format, info.width, info.height) == (format_name, 160, 120)
    assert info.media_type.startswith("image/")
    assert info.suffix.startswith(".")


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_can_be_shown_small(format_name: str) -> None:
    small = decoding.thumbnail(encode(format_name), SETTINGS, 80)
    with Image.open(io.BytesIO(small)) as image:
        assert (image.format, image.size) == ("JPEG", (80, 60))


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_picture_cut_short_is_refused(format_name: str, part: float) -> None:
    data = encode(format_name)
    with pytest.raises(Unprocessable, match="cut short") as caught:
        pictures.inspect(data[: int(len(data) * part)], SETTINGS)
    assert caught.value.code == "truncated_picture"


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg", "tiff_deflate"])
def test_a_compressed_tiff_cut_short_is_refused(compression: str) -> None:
    data = encode("TIFF", compression=compression)
    pictures.verify(data, SETTINGS)
    with pytest.raises(Unprocessable):
        pictures.inspect(data[:-500], SETTINGS)


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a thumbnail ends like this: \xff\xd9"
    data = encode("JPEG", exif=exif.tobytes() + b"\xff\xd8 thumbnail \xff\xd9")
    pictures.inspect(data, SETTINGS)
    with pytest.raises(Unprocessable):
        pictures.inspect(data[:-2], SETTINGS)


def test_a_progressive_jpeg_and_one_with_bytes_behind_its_end_are_whole() -> None:
    pictures.inspect(encode("JPEG", progressive=True), SETTINGS)
    pictures.inspect(encode("JPEG") + b"\0" * 100, SETTINGS)


def test_damage_in_the_pixels_is_found_by_decoding() -> None:
    data = bytearray(encode("PNG"))
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    pictures.inspect(bytes(data), SETTINGS)
    with pytest.raises(Unprocessable):
        pictures.verify(bytes(data), SETTINGS)


def test_an_empty_body_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="empty") as caught:
        pictures.inspect(b"", SETTINGS)
    assert caught.value.code == "empty_body"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"this is no picture at all", "not_a_picture", "JPEG, PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "unsupported_format", "EPS"),
        (b"\xc5\xd0\xd3\xc6\x00\x00", "unsupported_format", "EPS"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "unsupported_format", "SVG"),
        (b'\xef\xbb\xbf  <svg width="1"/>', "unsupported_format", "SVG"),
        (b"%PDF-1.7", "unsupported_format", "pages"),
        (b"<!DOCTYPE html><html>", "unsupported_format", "web page"),
        (b"PK\x03\x04....", "unsupported_format", "import"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, code: str, words: str) -> None:
    with pytest.raises(UnsupportedMedia, match=words) as caught:
        pictures.inspect(data, SETTINGS)
    assert caught.value.code == code


def huge_png(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [10_001, 20_000])
def test_too_many_pixels_are_refused_by_the_header(side: int) -> None:
    with pytest.raises(TooLarge, match="million pixels") as caught:
        pictures.inspect(huge_png(side), SETTINGS)
    assert caught.value.code == "too_many_pixels"


def test_too_many_bytes_are_refused() -> None:
    small = Settings(secret_key="tests", max_upload_bytes=1_000)
    with pytest.raises(TooLarge, match="COLABEL_MAX_UPLOAD_BYTES") as caught:
        pictures.inspect(encode("PNG"), small)
    assert caught.value.code == "too_many_bytes"


# No deadline: the first HEIF loads its library.
@settings(deadline=None)
@given(format_name=st.sampled_from(FORMATS), data=st.data())
def test_no_bytes_bring_it_down(format_name: str, data: st.DataObject) -> None:
    whole = _CACHE.setdefault(format_name, encode(format_name))
    head = whole[: data.draw(st.integers(0, 400))]
    junk = data.draw(st.binary(max_size=200))
    with contextlib.suppress(ColabelError):
        info = pictures.inspect(head + junk, SETTINGS)
        assert info.format in FORMATS


_CACHE: dict[str, bytes] = {}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Bob\\photo.jpg", "photo.jpg"),
        ("Пикник 日本 😀.jpg", "Пикник 日本 😀.jpg"),
        ("a\x00b\nc.png", "abc.png"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("..", ""),
        ("", ""),
        ("folder/", ""),
        ("x" * 300 + ".jpeg", "x" * 250 + ".jpeg"),
    ],
)
def test_names_keep_their_script_and_lose_their_folders(name: str, kept: str) -> None:
    assert pictures.sanitize_name(name) == kept


@settings(deadline=None)
@given(st.text())
def test_a_sanitized_name_is_a_file_name(name: str) -> None:
    kept = pictures.sanitize_name(name)
    assert "/" not in kept
    assert "\\" not in kept
    assert "\0" not in kept
    assert kept not in (".", "..")
    assert len(kept) <= 255
    assert pictures.sanitize_name(kept) == kept
