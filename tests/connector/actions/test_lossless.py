"""Turning files: DCT-exact or pixel-exact, with every piece of metadata kept and none stale."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin

from connector.actions import exif
from connector.actions.jpeg import take_apart
from connector.actions.lossless import rotate
from connector.actions.orientation import Tag, degrees_to_upright, turned
from connector.actions.rotated import TRANSPOSE, Unrotatable
from connector.errors import ActionFailed, TooLarge

LIMIT = 100_000_000
TURNS = {90: Tag.ROTATE_90, 180: Tag.ROTATE_180, 270: Tag.ROTATE_270}
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" '
    b'exif:PixelXDimension="64"/></x:xmpmeta>'
)


def noise(size: tuple[int, int], mode: str = "RGB", seed: int = 1) -> Image.Image:
    """A picture in which no two places look alike; smooth, so that JPEG stays close to it."""
    values = np.random.default_rng(seed).integers(0, 256, (4, 4, 4), np.uint8)
    big = Image.fromarray(values, "RGBA").resize(size, Image.Resampling.BICUBIC)
    return big.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def seen(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(opened(data))


def pixels(image: Image.Image) -> bytes:
    return image.convert("RGBA").tobytes()


def turn(data: bytes, degrees: int):
    return rotate(data, degrees, max_pixels=LIMIT)


def exif_block(orientation: int | None = 6, size=(64, 32), thumbnail: bytes = b"") -> bytes:
    """An EXIF block as a camera writes it, with a maker note whose place must not change."""
    entries = [(0x010F, 2, 4, b"ACM\0"), (0x011A, 5, 1, 200), (0x011B, 5, 1, 208)]
    if orientation:
        entries.append((0x0112, 3, 1, struct.pack("<HH", orientation, 0)))
    entries = sorted([*entries, (0x8769, 4, 1, 100)])
    out = bytearray(320)
    out[:8] = b"II*\0" + struct.pack("<I", 8)

    def directory(at: int, rows: list, link: int) -> None:
        out[at : at + 2] = struct.pack("<H", len(rows))
        for number, (tag, kind, count, value) in enumerate(rows):
            packed = value if isinstance(value, bytes) else struct.pack("<I", value)
            start = at + 2 + 12 * number
            out[start : start + 12] = struct.pack("<HHI", tag, kind, count) + packed
        end = at + 2 + 12 * len(rows)
        out[end : end + 4] = struct.pack("<I", link)

    directory(8, entries, 250 if thumbnail else 0)
    directory(100, [(0x927C, 7, 4, b"note"), (0xA002, 4, 1, size[0]), (0xA003, 4, 1, size[1])], 0)
    out[200:216] = struct.pack("<IIII", 300, 1, 72, 1)
    if thumbnail:
        shown = [(0x0112, 3, 1, struct.pack("<HH", orientation, 0))] if orientation else []
        place = [(0x0201, 4, 1, 320), (0x0202, 4, 1, len(thumbnail))]
        directory(250, [*shown, *place], 0)
    return bytes(out) + thumbnail


@pytest.mark.parametrize("tag", list(Tag))
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_combined_transforms_show_the_same_as_one_after_the_other(tag, degrees):
    image = noise((5, 3))
    first = image if tag == 1 else image.transpose(TRANSPOSE[tag])
    expected = first.transpose(TRANSPOSE[TURNS[degrees]])
    both = turned(tag, degrees)
    found = image if both == 1 else image.transpose(TRANSPOSE[both])
    assert (found.size, found.tobytes()) == (expected.size, expected.tobytes())


@pytest.mark.parametrize(
    ("label", "turn"),
    [
        ("upright", Tag.UPRIGHT),
        ("left", Tag.ROTATE_90),
        ("Right", Tag.ROTATE_270),
        ("upside-down", Tag.ROTATE_180),
    ],
)
def test_a_label_says_where_the_top_points(label, turn):
    upright = Image.new("L", (3, 3))
    upright.putpixel((1, 0), 255)
    marked = {"upright": (1, 0), "left": (0, 1), "Right": (2, 1), "upside-down": (1, 2)}[label]
    lying = Image.new("L", (3, 3))
    lying.putpixel(marked, 255)
    assert turned(1, degrees_to_upright(label)) == turn
    risen = lying if turn == 1 else lying.transpose(TRANSPOSE[turn])
    assert risen.tobytes() == upright.tobytes()


def test_another_label_is_no_orientation():
    with pytest.raises(ActionFailed, match="names no orientation"):
        degrees_to_upright("invoice")


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_four_quarter_turns_of_a_jpeg_give_the_same_pixels(mode, options):
    data = encoded(noise((64, 32), mode), "JPEG", quality=80, **options)
    current = data
    for _ in range(4):
        result = turn(current, 90)
        assert result.how == "lossless_dct"
        current = result.data
    assert opened(current).tobytes() == opened(data).tobytes()
    assert opened(current).info.get("progressive") == opened(data).info.get("progressive")


@pytest.mark.parametrize("tag", list(Tag))
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_jpeg_with_any_orientation_is_turned_as_it_is_seen(tag, degrees):
    data = encoded(noise((64, 32)), "JPEG", quality=95, exif=b"Exif\0\0" + exif_block(tag))
    result = turn(data, degrees)
    expected = seen(data).transpose(TRANSPOSE[TURNS[degrees]])
    assert result.how == ("orientation_tag" if turned(tag, degrees) == 1 else "lossless_dct")
    assert opened(result.data).getexif()[0x0112] == 1
    found = np.asarray(opened(result.data)).astype(int)
    assert found.shape == np.asarray(expected).shape
    assert np.abs(found - np.asarray(expected)).max() <= 6


def test_jpeg_metadata_are_kept_and_none_is_stale():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + bytes(70_000)
    thumbnail = encoded(noise((16, 8)), "JPEG")
    data = encoded(
        noise((64, 32)),
        "JPEG",
        exif=b"Exif\0\0" + exif_block(1, thumbnail=thumbnail),
        icc_profile=profile,
        xmp=XMP.replace(b'"6"', b'"1"'),
        comment=b"hello",
        dpi=(300, 72),
    )
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\0"
    data = data[:2] + struct.pack(">BBH", 0xFF, 0xED, len(iptc) + 2) + iptc + data[2:]
    assert opened(data).getexif().get_ifd(ExifTags.IFD.IFD1)[0x0202] == len(thumbnail)
    result = turn(data, 90)
    image = opened(result.data)
    block = image.getexif()
    details = block.get_ifd(0x8769)
    assert result.how == "lossless_dct"
    assert image.size == (32, 64)
    assert image.info["icc_profile"] == profile
    assert image.info["comment"] == b"hello"
    assert iptc in result.data
    assert b'PixelXDimension="32"' in image.info["xmp"]
    assert block[0x010F] == "ACM"
    assert (block[0x011A], block[0x011B]) == (72, 300)
    assert (details[0xA002], details[0xA003], details[0x927C]) == (32, 64, b"note")
    assert block.get_ifd(ExifTags.IFD.IFD1) == {}
    assert thumbnail not in result.data


def test_edges_that_cannot_be_turned_get_the_tag_and_not_one_changed_pixel():
    data = encoded(noise((61, 35)), "JPEG")
    result = turn(data, 90)
    assert result.how == "orientation_tag"
    assert "edge blocks" in (result.note or "")
    assert opened(result.data).tobytes() == opened(data).tobytes()
    assert take_apart(result.data).scans == take_apart(data).scans
    expected = opened(data).transpose(Image.Transpose.ROTATE_270)
    assert pixels(seen(result.data)) == pixels(expected)


def test_the_tag_is_added_to_exif_without_moving_anything():
    block = exif_block(None, thumbnail=encoded(noise((16, 8)), "JPEG"))
    edited = exif.with_orientation(block, 6)
    assert edited[8 : len(block)] == block[8:]
    data = encoded(noise((61, 35)), "JPEG", exif=b"Exif\0\0" + block)
    read = opened(turn(data, 90).data).getexif()
    assert read[0x0112] == 6
    assert read.get_ifd(0x8769)[0x927C] == b"note"
    assert read.get_ifd(ExifTags.IFD.IFD1)[0x0202] > 0


def test_xmp_orientation_counts_when_exif_has_none():
    data = encoded(noise((64, 32)), "JPEG", xmp=XMP, quality=95)
    result = turn(data, 270)
    assert b'tiff:Orientation="1"' in result.data
    assert take_apart(result.data).scans == take_apart(data).scans


def test_further_pictures_in_one_file_keep_their_offsets():
    data = encoded(noise((64, 32)), "JPEG")
    mpf = struct.pack(">BBH", 0xFF, 0xE2, 10) + b"MPF\0abcd"
    film = b"\xff\xd8 a film"
    result = turn(data[:20] + mpf + data[20:] + film, 90)
    assert result.how == "orientation_tag"
    assert result.data.endswith(film)


def test_what_follows_the_picture_is_kept():
    data = encoded(noise((64, 32)), "JPEG", progressive=True)
    result = turn(data + b"film", 90)
    assert result.how == "lossless_dct"
    assert result.data.endswith(b"\xff\xd9film")
    assert opened(result.data).size == (32, 64)


def test_a_torn_jpeg_is_turned_by_its_tag_alone():
    data = encoded(noise((64, 32)), "JPEG", quality=100)
    result = turn(data[:-400], 90)
    assert result.how == "orientation_tag"
    assert take_apart(result.data).scans == take_apart(data[:-400]).scans


def test_without_blocks_or_room_for_the_tag_it_is_compressed_again_and_said():
    full = b"II*\0\x08\0\0\0" + b"\0\0" + bytes(65_517)
    image = noise((61, 35))
    data = encoded(image, "JPEG", quality=95, subsampling=2, comment=b"hello")
    segment = struct.pack(">BBH", 0xFF, 0xE1, len(full) + 8) + b"Exif\0\0" + full
    result = turn(data[:20] + segment + data[20:], 90)
    assert result.how == "recompressed"
    assert "compressed again" in (result.note or "")
    assert full in result.data
    found = opened(result.data)
    assert found.info["comment"] == b"hello"
    expected = opened(data).transpose(Image.Transpose.ROTATE_270)
    assert np.abs(np.asarray(found).astype(int) - np.asarray(expected)).mean() < 2


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
