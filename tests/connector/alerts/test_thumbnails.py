"""Thumbnails: small, upright, without the file's own data, and none of what is too large."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from connector.alerts.compose import Reader
from connector.alerts.thumbnails import sample, thumbnail
from connector.errors import Unprocessable
from connector.settings import Settings
from connector.storage import LocalBlobs

SMALL = Settings(max_pixels=100_000)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["JPEG"])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_every_usual_kind_becomes_a_small_jpeg(kind: str) -> None:
    small = decoded(thumbnail(encoded(Image.new("RGB", (800, 400), "red"), kind), Settings()))
    assert small.size == (320, 160)
    assert small.mode == "RGB"


def test_it_is_upright_and_tells_nothing_else() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where we live"
    data = encoded(Image.new("RGB", (400, 200), "red"), exif=exif)
    small = thumbnail(data, Settings())
    assert decoded(small).size == (160, 320)
    assert dict(decoded(small).getexif()) == {}
    assert b"where we live" not in small


def test_what_shines_through_is_white() -> None:
    clear = encoded(Image.new("RGBA", (10, 10), (0, 0, 0, 0)), "PNG")
    assert min(decoded(thumbnail(clear, Settings())).getpixel((5, 5))) > 250  # type: ignore[arg-type,type-var]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        encoded(Image.new("RGB", (640, 480)))[:200],
        encoded(Image.new("L", (1000, 1000)), "PNG"),
    ],
    ids=["empty", "text", "cut", "too large"],
)
def test_what_cannot_be_read_or_is_too_large_has_none(data: bytes) -> None:
    with pytest.raises(Unprocessable) as caught:
        thumbnail(data, SMALL)
    assert caught.value.code == "no_thumbnail"


def test_the_first_place_that_has_a_picture_counts(tmp_path: Any) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    kept = {"kind": "held", "sha256": blobs.put(sample())}
    reader = Reader(blobs, Settings())
    moved = {"kind": "local", "path": str(tmp_path / "gone.jpg")}
    assert reader.small(moved, kept)[1] is None
    assert reader.small({"kind": "elsewhere"}, kept)[1] is None
    nothing, note = reader.small(moved)
    assert nothing is None
    assert note is not None
    assert "No thumbnail" in note
