"""The head of a JPEG: read as Pillow reads it, and refused where Pillow would refuse it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin

from connector.jpeg_header import read_header

MODES = ("L", "RGB", "CMYK")


def jpeg(mode: str = "RGB", size: tuple[int, int] = (33, 17), **options: object) -> bytes:
    channels = {"L": (), "RGB": (3,), "CMYK": (4,)}[mode]
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], *channels), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise, mode).save(stream, "JPEG", **options)
    return stream.getvalue()


def segment(data: bytes, marker: int) -> int:
    """Return where the content of the first segment with this marker begins."""
    return data.index(bytes((0xFF, marker))) + 4


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("progressive", [False, True])
def test_the_size_is_read_whatever_the_kind(mode: str, progressive: bool) -> None:
    data = jpeg(mode, (300, 7), progressive=progressive)
    header = read_header(data)
    assert (header.width, header.height) == (300, 7)
    assert header.is_whole(data)
    assert not header.is_whole(data[:-2])


def test_fill_bytes_between_segments_are_passed_over() -> None:
    data = jpeg()
    assert read_header(data[:2] + b"\xff\xff" + data[2:]).width == 33


def test_what_no_decoder_reads_is_refused() -> None:
    data = jpeg()
    frame, tables = segment(data, 0xC0), segment(data, 0xDB)
    broken = {
        "12 bits": (frame, b"\x0c"),
        "no rows": (frame + 1, b"\0\0"),
        "no columns": (frame + 3, b"\0\0"),
        "two layers": (frame + 5, b"\x02"),
        "a table of 16 bits where there is room for 8": (tables, b"\x10"),
        "no marker": (tables - 4, b"\0"),
    }
    for what, (position, patch) in broken.items():
        damaged = data[:position] + patch + data[position + len(patch) :]
        with pytest.raises(ValueError, match=r".+"):
            pytest.fail(f"{what}: {read_header(damaged)}")


def test_a_scan_before_any_frame_is_refused() -> None:
    data = jpeg()
    frame = segment(data, 0xC0) - 4
    length = int.from_bytes(data[frame + 2 : frame + 4], "big")
    with pytest.raises(ValueError, match="before any frame"):
        read_header(data[:frame] + data[frame + 2 + length :])


WHOLE = {mode: jpeg(mode) for mode in MODES}


@given(
    mode=st.sampled_from(MODES),
    position=st.integers(2, 640),
    patch=st.binary(min_size=1, max_size=4),
    cut=st.integers(0, 700),
)
def test_what_is_let_in_pillow_reads_with_the_same_size(
    mode: str, position: int, patch: bytes, cut: int
) -> None:
    data = WHOLE[mode]
    damaged = (data[:position] + patch + data[position + len(patch) :])[: len(data) - cut]
    try:
        header = read_header(damaged)
    except ValueError:
        return
    with JpegImagePlugin.JpegImageFile(io.BytesIO(damaged)) as image:
        assert image.size == (header.width, header.height)
