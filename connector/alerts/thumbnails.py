"""Small upright JPEGs of pictures, for messages that people read."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from connector.errors import Unprocessable
from connector.settings import Settings

PIXELS = 320
QUALITY = 80
# HEIC is left out: its decoder has no way to make a small picture cheaply.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")


def thumbnail(data: bytes, settings: Settings) -> bytes:
    """Return a JPEG of at most 320 pixels a side, without any of the file's metadata.

    Raises Unprocessable (no_thumbnail) for what is too large or cannot be read.
    """
    if len(data) > settings.max_upload_bytes:
        raise _none("The picture is too large for a thumbnail.")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            too_large = image.width * image.height > settings.max_pixels
            small = None if too_large else _small(image)
    except Exception as error:
        # Pillow's parsers raise whatever they ran into: no list of types is complete.
        raise _none("No thumbnail could be made of the picture.") from error
    if small is None:
        raise _none("The picture is too large for a thumbnail.")
    return small


def sample() -> bytes:
    """Return the picture of a test message."""
    return _jpeg(Image.linear_gradient("L").resize((PIXELS, PIXELS // 2)))


def _small(image: Image.Image) -> bytes:
    image.draft("RGB", (PIXELS, PIXELS))
    image.thumbnail((PIXELS, PIXELS))
    upright = ImageOps.exif_transpose(image)
    if "A" not in upright.getbands() and "transparency" not in upright.info:
        return _jpeg(upright)
    # What shines through is white on paper and in most mail programs.
    clear = upright.convert("RGBA")
    ground = Image.new("RGBA", clear.size, "white")
    return _jpeg(Image.alpha_composite(ground, clear))


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    plain = Image.new("RGB", image.size)
    plain.paste(image.convert("RGB"))
    plain.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _none(sentence: str) -> Unprocessable:
    return Unprocessable(sentence, code="no_thumbnail")
