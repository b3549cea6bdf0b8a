import io
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, TiffImagePlugin

from models.errors import UnreadablePicture
from models.preprocess import decode, load, load_many

CORNERS = {"top left": (255, 0, 0), "top right": (0, 200, 0), "bottom left": (0, 0, 255)}


def drawn(width: int = 96, height: int = 64) -> Image.Image:
    """White with three coloured corners: every flip and turn of it is different."""
    image = Image.new("RGB", (width, height), "white")
    w, h = width // 2, height // 2
    image.paste(CORNERS["top left"], (0, 0, w, h))
    image.paste(CORNERS["top right"], (w, 0, width, h))
    image.paste(CORNERS["bottom left"], (0, h, w, height))
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def corners_of(data: bytes) -> np.ndarray:
    square = load(data, 32).astype(int)
    return np.array([square[8, 8], square[8, 24], square[24, 8], square[24, 24]])


EXPECTED = np.array([*CORNERS.values(), (255, 255, 255)])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("HEIF", {"quality": 95}),
        ("AVIF", {"quality": 95}),
        ("GIF", {}),
        ("MPO", {"quality": 95}),
    ],
)
def test_every_format_gives_the_same_picture(kind: str, options: dict[str, object]) -> None:
    data = saved(drawn(), kind, **options)
    assert load(data, 32).dtype == np.uint8
    assert load(data, 32).shape == (32, 32, 3)
    assert np.abs(corners_of(data) - EXPECTED).max() <= 12
    assert decode(data).size == (96, 64)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_counts(kind: str) -> None:
    data = saved(drawn(), kind, save_all=True, append_images=[Image.new("RGB", (96, 64), "black")])
    assert np.abs(corners_of(data) - EXPECTED).max() <= 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    upside = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, 1)
    turned = drawn()
    turned.getexif()[0x0112] = upside
    stored = ImageOps.exif_transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, kind, exif=exif, **({"quality": 95} if kind != "PNG" else {}))
    assert np.abs(corners_of(data) - EXPECTED).max() <= 16
    assert decode(data).size == (96, 64)


def test_a_broken_exif_block_does_not_cost_the_picture() -> None:
    data = saved(drawn(), "JPEG", quality=95, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\1" * 30)
    assert np.abs(corners_of(data) - EXPECTED).max() <= 16


def ramp16() -> np.ndarray:
    return np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(kind: str) -> None:
    data = saved(Image.fromarray(ramp16()), kind)
    grey = np.asarray(decode(data))[0, :, 0].astype(int)
    assert np.abs(grey - np.linspace(0, 255, 64)).max() <= 1


def test_sixteen_bit_colour_png() -> None:
    raw = b"".join(b"\0" + struct.pack(">3H", 65535, 32768, 0) * 4 for _ in range(4))
    data = png_chunks((4, 4, 16, 2), raw)
    assert tuple(decode(data).getpixel((1, 1))) == (255, 128, 0)


def png_chunks(header: tuple[int, int, int, int], raw: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", *header, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[-10.0, 0.0, 10.0]], np.float32), [0, 128, 255]),
        (np.array([[0, 32768, 65535]], np.int32), [0, 128, 255]),
        (np.array([[0, 7, 255]], np.int32), [0, 7, 255]),
        (np.array([[5, 5, 5]], np.float32), [5, 5, 5]),
        (np.array([[-5, -5, -5]], np.float32), [0, 0, 0]),
    ],
)
def test_deep_tiffs_keep_their_tones(values: np.ndarray, expected: list[int]) -> None:
    grey = np.asarray(decode(saved(Image.fromarray(values), "TIFF")))[0, :, 0]
    assert np.abs(grey.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_comes_out_in_its_colours(kind: str) -> None:
    data = saved(drawn().convert("CMYK"), kind, **({"quality": 95} if kind == "JPEG" else {}))
    assert Image.open(io.BytesIO(data)).mode == "CMYK"
    assert np.abs(corners_of(data) - EXPECTED).max() <= 16


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "YCbCr"])
def test_plain_modes(mode: str) -> None:
    image = Image.new("RGB", (20, 10), "white")
    image.paste((0, 0, 0), (0, 0, 10, 10))
    data = saved(image.convert(mode), "TIFF" if mode == "YCbCr" else "PNG")
    square = load(data, 20).astype(int)
    assert np.abs(square[10, 4]).max() <= 2
    assert np.abs(square[10, 15] - 255).max() <= 2


def transparent(mode: str) -> bytes:
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    image.paste((40, 40, 40, 255), (0, 0, 10, 10))
    if mode == "P bytes":
        palette = image.convert("RGB").quantize(4)
        dark, clear = palette.getpixel((0, 0)), palette.getpixel((15, 0))
        alphas = bytes(0 if i == clear else 255 for i in range(max(dark, clear) + 1))
        return saved(palette, "PNG", transparency=alphas)
    if mode == "P index":
        palette = Image.new("P", (20, 10), 1)
        palette.putpalette([40, 40, 40, 0, 0, 0])
        palette.paste(0, (0, 0, 10, 10))
        return saved(palette, "GIF", transparency=1)
    if mode == "RGB key":
        flat = Image.new("RGB", (20, 10), (9, 9, 9))
        flat.paste((40, 40, 40), (0, 0, 10, 10))
        return saved(flat, "PNG", transparency=(9, 9, 9))
    if mode == "L key":
        grey = Image.new("L", (20, 10), 9)
        grey.paste(40, (0, 0, 10, 10))
        return saved(grey, "PNG", transparency=9)
    return saved(image.convert(mode), "PNG")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P bytes", "P index", "RGB key", "L key"])
def test_transparent_parts_become_white(mode: str) -> None:
    square = load(transparent(mode), 20).astype(int)
    assert np.abs(square[10, 4] - 40).max() <= 2
    assert np.abs(square[10, 15] - 255).max() <= 2


def test_half_transparent_is_mixed_with_white() -> None:
    data = saved(Image.new("RGBA", (8, 8), (0, 0, 0, 128)), "PNG")
    assert np.abs(load(data, 8).astype(int) - 127).max() <= 1


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: b"", "empty"),
        (lambda: b"not a picture at all", "not_a_picture"),
        (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not_a_picture"),
        (
            lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
            "not_a_picture",
        ),
        (lambda: saved(drawn(), "PPM"), "not_a_picture"),
        (lambda: saved(drawn(), "PCX"), "not_a_picture"),
        (lambda: png_chunks((20_000, 20_000, 8, 0), b""), "picture_too_large"),
        (lambda: png_chunks((11_000, 10_000, 8, 0), b""), "picture_too_large"),
        (lambda: png_chunks((9_800, 9_800, 1, 0), b""), "picture_unreadable"),
        (lambda: saved(drawn(), "JPEG")[:4], "not_a_picture"),
    ],
    ids=["empty", "text", "eps", "svg", "ppm", "pcx", "bomb", "110 MP", "no data", "4 bytes"],
)
def test_what_cannot_be_read_says_so(make: Callable[[], bytes], code: str) -> None:
    for read in (lambda data: load(data, 32), decode):
        with pytest.raises(UnreadablePicture) as caught:
            read(make())
        assert caught.value.code == code
        assert "; " in str(caught.value), "a sentence with a way on"
        assert str(caught.value).endswith(".")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "BMP"])
def test_a_picture_cut_short_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    data = saved(Image.fromarray(noise), kind)
    with pytest.raises(UnreadablePicture):
        load(data[: len(data) // 2], 32)


def test_the_pixel_cap_can_be_set() -> None:
    data = saved(drawn(96, 64), "PNG")
    assert load(data, 8, max_pixels=96 * 64).shape == (8, 8, 3)
    with pytest.raises(UnreadablePicture, match="96 x 64") as caught:
        load(data, 8, max_pixels=96 * 64 - 1)
    assert caught.value.code == "picture_too_large"


def test_odd_tiff_tags_do_not_shout() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = "a scan"
    data = saved(drawn(), "TIFF", tiffinfo=tags)
    broken = data.replace(b"a scan", b"\xff\xfe\xfd\0\0\0")
    assert np.abs(corners_of(broken) - EXPECTED).max() <= 2


def test_reduced_decoding_stays_close_to_the_full_one() -> None:
    large = drawn(1600, 1200)
    data = saved(large, "JPEG", quality=95)
    full = np.asarray(large.resize((64, 64), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(load(data, 64).astype(int) - full).mean() < 2


def test_many_at_once_keep_their_order_and_give_errors_in_place() -> None:
    colours = [(i * 20, 0, 255 - i * 20) for i in range(12)]
    datas = [saved(Image.new("RGB", (40, 30), colour), "PNG") for colour in colours]
    datas[5] = b"broken"
    results = load_many(datas, 16, threads=4)
    assert isinstance(results[5], UnreadablePicture)
    for i, (colour, result) in enumerate(zip(colours, results, strict=True)):
        if i != 5:
            assert not isinstance(result, UnreadablePicture)
            assert tuple(result[8, 8]) == colour


def test_threads_give_what_one_thread_gives() -> None:
    datas = [saved(drawn(50 + i, 40), kind) for i in range(8) for kind in ("JPEG", "HEIF", "PNG")]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: load(data, 24), datas))
    for data, square in zip(datas, together, strict=True):
        assert np.array_equal(square, load(data, 24))


SAMPLES = [
    saved(drawn(24, 16), kind)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_gets_past_the_one_error(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    broken = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        square = load(broken, 16, max_pixels=1_000_000)
    except UnreadablePicture:
        return
    assert square.shape == (16, 16, 3)
