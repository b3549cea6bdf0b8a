"""Bytes -> array: the only such path, used by training, serving and evaluation alike."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError

from models.errors import UnreadablePicture

pillow_heif.register_heif_opener()

Picture = npt.NDArray[np.uint8]
# Bytes and a size -> the picture squashed to a square of it; raises UnreadablePicture.
Load = Callable[[bytes, int], Picture]

# Named, so that Pillow never tries formats that run programs or are no pictures (EPS, WMF, ...).
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
MAX_PIXELS = 100_000_000
_BAND_PIXELS = 1_000_000

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PILLOW_WARNINGS = re.compile(r"PIL\b|models\.preprocess")


def load(data: bytes, size: int, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a picture and squash it to a square.

    Returns uint8 [size, size, 3], RGB. Raises UnreadablePicture.
    """
    picture = _decode(data, max_pixels, draft=2 * size)
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))


def load_many(
    datas: Sequence[bytes], size: int, threads: int, *, max_pixels: int = MAX_PIXELS
) -> list[Picture | UnreadablePicture]:
    """`load` for many, in threads (Pillow lets go of the interpreter lock while it decodes).

    A picture that cannot be read gives its error in its place.
    """

    def one(data: bytes) -> Picture | UnreadablePicture:
        try:
            return load(data, size, max_pixels=max_pixels)
        except UnreadablePicture as error:
            return error

    if threads <= 1 or len(datas) <= 1:
        return [one(data) for data in datas]
    with ThreadPoolExecutor(min(threads, len(datas))) as pool:
        return list(pool.map(one, datas))


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The whole picture at full size: RGB and upright. Raises UnreadablePicture."""
    return _decode(data, max_pixels, draft=None)


def _decode(data: bytes, max_pixels: int, draft: int | None) -> Image.Image:
    if not data:
        raise UnreadablePicture("The file is empty; send the bytes of a picture.", code="empty")
    _silence_pillow()
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_pixels(image, max_pixels)
            if draft and image.format in ("JPEG", "MPO") and image.mode != "CMYK":
                image.draft("RGB", (draft, draft))
            image.load()
            orientation, picture = _orientation(image), to_rgb(image)
        # Of a large picture there is not memory for a third copy.
        del image
        return _upright(picture, orientation)
    except UnreadablePicture:
        raise
    except UnidentifiedImageError as error:
        raise UnreadablePicture(
            "This is not a picture that can be read; "
            "send JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",
            code="not_a_picture",
        ) from error
    except (Image.DecompressionBombError, MemoryError) as error:
        raise UnreadablePicture(
            "The picture is too large to decode; send a smaller one.", code="picture_too_large"
        ) from error
    except Exception as error:
        # Pillow's decoders raise whatever their parsing ran into: no list of types is complete.
        raise UnreadablePicture(
            f"The picture is damaged or cut short ({_reason(error)}); "
            "send it again or save it anew."
        ) from error


def _silence_pillow() -> None:
    # Odd EXIF or palettes are no news to anybody here. Not catch_warnings: it is not thread-safe.
    ours = ("ignore", None, Warning, _PILLOW_WARNINGS, 0)
    if tuple(warnings.filters[:1]) != (ours,):
        warnings.filterwarnings("ignore", module=_PILLOW_WARNINGS.pattern)


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise UnreadablePicture(
            f"The picture has {width} x {height} = {width * height / 1e6:,.0f} million pixels, "
            f"more than the {max_pixels / 1e6:,.0f} million that are allowed; send a smaller one.",
            code="picture_too_large",
        )


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text[:120] if text.isprintable() and text else type(error).__name__


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - a broken EXIF block must not cost the picture
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode to RGB: transparent parts on white, deep pixels scaled and never clipped."""
    if image.mode.startswith("I;16"):
        return _by_bands(image, lambda band: _grey(np.asarray(band).astype(np.float64) / 257))
    if image.mode in ("I", "F"):
        low, factor = _scale(image)
        return _by_bands(image, lambda band: _grey((_values(band) - low) * factor))
    if image.has_transparency_data:
        return _by_bands(image, _on_white)
    return image if image.mode == "RGB" else _by_bands(image, lambda band: band.convert("RGB"))


def _by_bands(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Convert some rows at a time: what is needed on the way takes little memory then."""
    rows = max(1, _BAND_PIXELS // image.width)
    if rows >= image.height:
        return convert(image)
    whole = Image.new("RGB", image.size)
    for box in _bands(image, rows):
        whole.paste(convert(image.crop(box)), box)
    return whole


def _bands(image: Image.Image, rows: int) -> Iterator[tuple[int, int, int, int]]:
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def _on_white(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _values(image: Image.Image) -> npt.NDArray[np.float64]:
    return np.nan_to_num(np.asarray(image).astype(np.float64), nan=0.0)


def _scale(image: Image.Image) -> tuple[float, float]:
    """What to subtract, and then to multiply by, for pixels of a mode without a fixed range.

    The range is taken to be the smallest usual one that holds all values (0..1 for fractions,
    8 bit, 16 bit), else the picture's own.
    """
    low, high, whole_numbers = np.inf, -np.inf, True
    for box in _bands(image, max(1, _BAND_PIXELS // image.width)):
        values = _values(image.crop(box))
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        whole_numbers = whole_numbers and np.array_equal(values, np.rint(values))
    if low >= 0:
        if high <= 1 and not whole_numbers:
            return 0.0, 255.0
        if high <= 255:
            return 0.0, 1.0
        if high <= 65535:
            return 0.0, 1 / 257
    return low, 255 / max(high - low, float(np.finfo(np.float64).tiny))


def _grey(values: npt.NDArray[np.float64]) -> Image.Image:
    pixels = np.rint(values).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert("RGB")
