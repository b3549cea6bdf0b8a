"""Pictures at the door: what they are and whether they are whole, without decoding their pixels."""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass

from connector import decoding, picture_formats, picture_headers
from connector.errors import BadRequest, ColabelError, TooLarge, Unprocessable, UnsupportedMedia
from connector.jpeg_header import read_header
from connector.picture_formats import Format
from connector.settings import Settings

MAX_NAME = 255
# A progressive JPEG has about ten; each is gone through at every pixel.
MAX_SCANS = 200
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


@dataclass(frozen=True)
class PictureInfo:
    """What a picture says about itself; width and height as stored, before EXIF orientation."""

    format: str
    media_type: str
    suffix: str
    width: int
    height: int


def inspect(data: bytes, settings: Settings) -> PictureInfo:
    """Check a picture's structure in well under a millisecond; no pixel is decoded.

    Raises BadRequest (empty_body), TooLarge (too_many_bytes, too_many_pixels), UnsupportedMedia
    (not_a_picture, unsupported_format), Unprocessable (truncated_picture, picture_too_expensive) or
    Unavailable (decoder_unavailable).
    """
    if not data:
        raise BadRequest(
            "The body is empty; send the bytes of a picture, as the body itself or as the field "
            "image of a form.",
            code="empty_body",
        )
    check_size(len(data), settings)
    found = picture_formats.sniff(data)
    if found is None:
        raise not_a_picture(data)
    width, height, whole = _structure(data, found, settings)
    _check_pixels(width, height, settings)
    if not whole:
        raise _damaged(found)
    return PictureInfo(found.name, found.media_type, found.suffix, width, height)


def verify(data: bytes, settings: Settings) -> PictureInfo:
    """`inspect`, then decode every pixel once: for pictures that a model is to learn from.

    Raises as `inspect` does. Slow (milliseconds), in a limited process.
    """
    info = inspect(data, settings)
    decoding.verify(data, settings, info.format)
    return info


def check_size(size: int, settings: Settings) -> None:
    """Raise TooLarge (too_many_bytes) when `size` bytes are more than is accepted."""
    if size > settings.max_upload_bytes:
        raise TooLarge(
            f"The picture has {size / 1e6:,.1f} MB, more than the "
            f"{settings.max_upload_bytes / 1e6:,.1f} MB that are accepted; send a smaller one, or "
            "raise COLABEL_MAX_UPLOAD_BYTES.",
            code="too_many_bytes",
        )


def not_a_picture(data: bytes) -> ColabelError:
    """Return the error for bytes that are no picture, naming what they seem to be."""
    foreign = picture_formats.foreign_format(data)
    if foreign is not None:
        name, instead = foreign
        return UnsupportedMedia(
            f"This is {name}, which is not taken; {instead}.", code="unsupported_format"
        )
    return UnsupportedMedia(
        "This is not a picture, whatever its name says; send JPEG, PNG, WebP, GIF, BMP, TIFF, "
        "HEIC or AVIF.",
        code="not_a_picture",
    )


def sanitize_name(name: str) -> str:
    """Return a file name without folders, control and direction characters; "" when none is left.

    All scripts stay as they are (NFC). Longer names are cut to 255 characters, keeping the suffix.
    """
    text = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(
        character
        for character in text
        if unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        and character not in _BIDI_CONTROLS
    ).strip()
    if not kept.strip(". "):
        return ""
    if len(kept) <= MAX_NAME:
        return kept
    stem, dot, suffix = kept.rpartition(".")
    if not dot or len(suffix) > 16:
        return kept[:MAX_NAME]
    return f"{stem[: MAX_NAME - len(suffix) - 1]}.{suffix}"


def _structure(data: bytes, found: Format, settings: Settings) -> tuple[int, int, bool]:
    """Return width, height, and whether the file goes on to its end."""
    try:
        if found is picture_formats.JPEG:
            # Nearly every picture is one, and Pillow would unpack tables that nobody asks for.
            jpeg = read_header(data)
            _check_scans(jpeg.scans(data))
            return jpeg.width, jpeg.height, jpeg.is_whole(data)
        read = picture_headers.read(data, found.name)
    except (ValueError, IndexError, struct.error) as error:
        raise _damaged(found) from error
    if read is not None:
        return read
    # The others need a library to be understood.
    header = decoding.header(data, settings, found.name)
    return header.width, header.height, header.whole


def _check_scans(scans: int) -> None:
    if scans > MAX_SCANS:
        raise Unprocessable(
            f"The JPEG goes through all its pixels {scans:,} times, ordinary ones about ten times; "
            "save it anew and send that.",
            code="picture_too_expensive",
        )


def _check_pixels(width: int, height: int, settings: Settings) -> None:
    if width * height > settings.max_pixels:
        raise TooLarge(
            f"The picture has {width} x {height} = {width * height / 1e6:,.0f} million pixels, "
            f"more than the {settings.max_pixels / 1e6:,.0f} million that are accepted; send a "
            "smaller one, or raise COLABEL_MAX_PIXELS.",
            code="too_many_pixels",
        )


def _damaged(found: Format) -> Unprocessable:
    return Unprocessable(
        f"The {found.name} picture is damaged or cut short; send it again, or save it anew first.",
        code="truncated_picture",
    )
