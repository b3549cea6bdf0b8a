"""Small upright JPEGs of pictures, for messages that people read."""

from __future__ import annotations

import io

from PIL import Image

from connector import decoding
from connector.errors import Unprocessable
from connector.settings import Settings

PIXELS = 320


def thumbnail(data: bytes, settings: Settings) -> bytes:
    """Return a JPEG of at most 320 pixels a side, without any of the file's metadata.

    Raises Unprocessable (no_thumbnail) for what is too large or cannot be read.
    """
    if len(data) > settings.max_upload_bytes:
        raise _none("The picture is too large for a thumbnail.")
    try:
        return decoding.thumbnail(data, settings, PIXELS)
    except decoding.Undecodable as error:
        raise _none(error.detail) from error


def sample() -> bytes:
    """Return the picture of a test message."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((PIXELS, PIXELS // 2)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def _none(sentence: str) -> Unprocessable:
    return Unprocessable(sentence, code="no_thumbnail")
