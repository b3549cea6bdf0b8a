"""Turning PNG, WebP and other formats: the same pixels, metadata kept, and what is refused."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from turning import TURNS, XMP, encoded, exif_block, noise, opened, pixels, seen, turn

from connector.actions.lossless import rotate
from connector.actions.rotated import TRANSPOSE, Unrotatable
from connector.errors import TooLarge

PNG_MODES = [("1", 1, 0), ("L", 8, 0), ("LA", 8, 4), ("RGB", 8, 2), ("RGBA", 8, 6), ("P", 8, 3)]


@pytest.mark.parametrize(("mode", "depth", "colour"), PNG_MODES)
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_png_is_turned_exactly_in_its_own_type(mode, depth, colour, degrees):
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Ada")
    data = encoded(noise((37, 23), mode), "PNG", pnginfo=info, dpi=(300, 72))
    result = turn(data, degrees)
    expected = opened(data).transpose(TRANSPOSE[TURNS[degrees]])
    found = opened(result.data)
    assert result.data[24:26] == bytes((depth, colour))
    assert (found.mode, found.size) == (expected.mode, expected.size)
    assert found.tobytes() == expected.tobytes()
    assert found.info["Author"] == "Ada"
    assert round(found.info["dpi"][0]) == (300 if degrees == 180 else 72)


def png_of(samples: np.ndarray, depth: int, colour: int, *extra: tuple[bytes, bytes]) -> bytes:
    """Write rows that are packed already, by hand: a second opinion on the format."""
    width = samples.shape[1] * (8 // depth if depth < 8 else 1)
    rows = samples.reshape(samples.shape[0], -1).view(np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, samples.shape[0], depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    out = b"\x89PNG\r\n\x1a\n"
    for kind, payload in chunks:
        crc = struct.pack(">I", zlib.crc32(kind + payload))
        out += struct.pack(">I", len(payload)) + kind + payload + crc
    return out


def deep_samples(data: bytes, channels: int) -> np.ndarray:
    """Decode a 16-bit PNG with the filters None and Up, without Pillow."""
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT") + 4
    length = struct.unpack(">I", data[start - 8 : start - 4])[0]
    raw = np.frombuffer(zlib.decompress(data[start : start + length]), np.uint8)
    rows = raw.reshape(height, 1 + width * channels * 2)
    assert set(rows[:, 0]) == {2}
    plain = np.cumsum(rows[:, 1:].astype(np.uint32), axis=0).astype(np.uint8)
    return np.ascontiguousarray(plain).view(">u2").reshape(height, width, channels)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)])
def test_sixteen_bit_colour_keeps_every_bit(colour, channels):
    samples = np.random.default_rng(3).integers(0, 65536, (7, 5, channels)).astype(">u2")
    result = turn(png_of(samples, 16, colour), 90)
    assert np.array_equal(deep_samples(result.data, channels), np.rot90(samples, -1))


def test_sixteen_bit_grey_and_alpha_keep_every_bit():
    grey = np.random.default_rng(4).integers(0, 65536, (7, 5)).astype(">u2")
    found = np.asarray(opened(turn(png_of(grey, 16, 0), 90).data))
    assert np.array_equal(found, np.rot90(grey, -1))
    both = np.random.default_rng(5).integers(0, 65536, (7, 5, 2)).astype(">u2")
    data = png_of(both, 16, 4)
    current = data
    for _ in range(4):
        current = turn(current, 90).data
        assert current[24:26] == b"\x10\x04"
    assert opened(current).tobytes() == opened(data).tobytes()


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_small_depths_keep_palette_and_transparency(depth):
    packed = np.random.default_rng(6).integers(0, 256, (16, 2), np.uint8)
    palette = (b"PLTE", bytes(range(3 << depth)))
    data = png_of(packed, depth, 3, palette, (b"tRNS", b"\0\x80"))
    result = turn(data, 90)
    expected = opened(data).convert("RGBA").transpose(Image.Transpose.ROTATE_270)
    assert pixels(opened(result.data)) == expected.tobytes()
    grey = png_of(packed, depth, 0, (b"tRNS", b"\0\1"))
    expected = opened(grey).convert("RGBA").transpose(Image.Transpose.ROTATE_270)
    assert pixels(opened(turn(grey, 90).data)) == expected.tobytes()


def test_png_exif_orientation_is_applied_and_reset():
    data = encoded(noise((37, 23)), "PNG", exif=exif_block(6))
    result = turn(data, 90)
    assert opened(result.data).getexif()[0x0112] == 1
    assert pixels(seen(result.data)) == pixels(seen(data).transpose(Image.Transpose.ROTATE_270))


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGB", {"quality": 60}),
        ("BMP", "RGB", {}),
        ("BMP", "P", {}),
        ("BMP", "1", {}),
        ("BMP", "L", {}),
        ("GIF", "P", {}),
        ("GIF", "P", {"transparency": 3}),
        ("GIF", "L", {}),
        ("TIFF", "RGB", {}),
        ("TIFF", "CMYK", {"compression": "tiff_lzw"}),
        ("TIFF", "1", {"compression": "group4"}),
        ("TIFF", "I;16", {}),
    ],
)
def test_other_formats_keep_every_pixel(kind, mode, options):
    if mode == "I;16":
        image = Image.fromarray(np.arange(37 * 23, dtype=np.uint16).reshape(23, 37) * 70)
    else:
        image = noise((37, 23), mode)
    data = encoded(image, kind, **options)
    result = turn(data, 90)
    expected = opened(data).transpose(Image.Transpose.ROTATE_270)
    found = seen(result.data)
    assert found.size == (23, 37)
    if mode == "I;16":
        assert found.tobytes() == expected.tobytes()
    else:
        assert pixels(found) == pixels(expected)
    assert result.how == ("orientation_tag" if kind == "TIFF" else "pixel_exact")
    assert bool(result.note) == (kind == "TIFF" or options == {"quality": 60})


def test_webp_metadata_are_kept():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(
        noise((64, 32)), "WEBP", lossless=True, exif=exif_block(6), xmp=XMP, icc_profile=profile
    )
    found = opened(turn(data, 90).data)
    assert found.info["icc_profile"] == profile
    assert found.getexif()[0x0112] == 1
    assert b'tiff:Orientation="1"' in found.info["xmp"]
    assert found.size == (64, 32)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animated_and_paged_pictures_are_refused(kind):
    frames = [noise((16, 16), seed=seed) for seed in (1, 2)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(Unrotatable, match=r"still|pages"):
        turn(data, 90)


@pytest.mark.parametrize("kind", ["AVIF", "text", "torn", "empty jpeg"])
def test_what_cannot_be_turned_is_a_sentence(kind):
    data = {
        "text": lambda: b"not a picture at all",
        "AVIF": lambda: encoded(noise((16, 16)), "AVIF"),
        "torn": lambda: encoded(noise((64, 64)), "PNG")[:300],
        "empty jpeg": lambda: b"\xff\xd8\xff\xd9",
    }[kind]()
    with pytest.raises(Unrotatable, match="; "):
        turn(data, 90)


def test_a_picture_of_too_many_pixels_is_not_decoded():
    for kind in ("PNG", "JPEG", "WEBP"):
        with pytest.raises(TooLarge, match="COLABEL_MAX_PIXELS"):
            rotate(encoded(noise((64, 64)), kind), 90, max_pixels=1000)
