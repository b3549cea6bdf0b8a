"""Pictures at the door: what they are and whether they are whole, without decoding their pixels."""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from dataclasses import dataclass

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from connector import picture_formats
from connector.errors import BadRequest, ColabelError, TooLarge, Unprocessable, UnsupportedMedia
from connector.jpeg_header import read_header
from connector.picture_formats import Format
from connector.settings import Settings

MAX_NAME = 255
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
_STRIPS = ((273, 279), (324, 325))  # TIFF tags: offsets and byte counts of strips, of tiles

_PILLOW = re.compile(r"PIL\b")

# The classes themselves instead of Image.open: nothing but the format that was sniffed is ever
# tried, and Pillow's own pixel limit (a warning, process-wide) stays out of it.
_OPENERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}


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
    (not_a_picture, unsupported_format) or Unprocessable (truncated_picture).
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
    try:
        width, height, whole = _structure(data, found)
    except Exception as error:
        # Pillow's parsers raise whatever they ran into: no list of types is complete.
        raise _damaged(found) from error
    _check_pixels(width, height, settings)
    if not whole:
        raise _damaged(found)
    return PictureInfo(found.name, found.media_type, found.suffix, width, height)


def verify(data: bytes, settings: Settings) -> PictureInfo:
    """`inspect`, then decode every pixel once: for pictures that a model is to learn from.

    Raises as `inspect` does. Slow (milliseconds), and it lets go of the interpreter lock.
    """
    info = inspect(data, settings)
    found = picture_formats.sniff(data)
    if found is None:
        raise not_a_picture(data)
    try:
        with _open(data, found) as image:
            # Reads all of the file, but makes an eighth of the pixels a side.
            image.draft("RGB", (1, 1))
            image.load()
    except Exception as error:
        raise _damaged(found) from error
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


def _structure(data: bytes, found: Format) -> tuple[int, int, bool]:
    """Return width, height, and whether the file goes on to its end."""
    if found is picture_formats.JPEG:
        # Nearly every picture is one, and Pillow would unpack tables that nobody asks for.
        header = read_header(data)
        return header.width, header.height, header.is_whole(data)
    with _open(data, found) as image:
        width, height = image.size
        return width, height, picture_formats.is_whole(data, found, _pieces(image))


def _open(data: bytes, found: Format) -> ImageFile.ImageFile:
    silence_pillow()
    stream = io.BytesIO(data)
    if found is picture_formats.HEIF:
        # Rare, and its library takes a tenth of a second to load.
        from pillow_heif import as_plugin

        heif: ImageFile.ImageFile = as_plugin.HeifImageFile(stream)  # type: ignore[no-untyped-call]
        return heif
    return _OPENERS[found.name](stream)


def silence_pillow() -> None:
    """Let Pillow keep its warnings to itself from now on: odd EXIF is no news to anybody here.

    Not by catch_warnings, which is not thread-safe.
    """
    ours = ("ignore", None, Warning, _PILLOW, 0)
    if ours not in warnings.filters[:4]:
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)


def _pieces(image: ImageFile.ImageFile) -> list[tuple[int, int]]:
    """Where the header says that pixel data lies: (offset, length) in bytes."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        return [
            (int(offset), int(length))
            for offsets, lengths in _STRIPS
            for offset, length in zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)
        ]
    if isinstance(image, BmpImagePlugin.BmpImageFile):
        tile = image.tile[0]
        if isinstance(tile.args, tuple) and len(tile.args) > 1 and isinstance(tile.args[1], int):
            return [(tile.offset, tile.args[1] * image.height)]
        return [(tile.offset, 1)]
    return []


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
