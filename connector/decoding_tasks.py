"""What limited processes do with pictures; nobody else imports this but to have it done there."""

from __future__ import annotations

import io
from typing import Any

import pillow_heif.as_plugin
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from connector import picture_formats
from connector.errors import TooLarge, Unprocessable
from connector.quiet_pillow import silence_pillow
from connector.sandbox.wire import Facts

_STRIPS = ((273, 279), (324, 325))  # TIFF tags: offsets and byte counts of strips, of tiles
_THUMBNAILED = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "HEIF", "AVIF")

# Thumbnails go by Pillow's list, on which it is not by itself.
pillow_heif.as_plugin.register_heif_opener()

# The classes themselves instead of Image.open: nothing but the format that was sniffed is ever
# tried, and Pillow's own pixel limit (a warning, process-wide) stays out of it.
_OPENERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "HEIF": pillow_heif.as_plugin.HeifImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}


def header(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Return width, height and `whole`: whether the file goes on to its end."""
    kind = facts["kind"]
    with _opened(data, kind) as image:
        width, height = image.size
        whole = picture_formats.is_whole(data, kind, _pieces(image))
    return {"width": width, "height": height, "whole": whole}, b""


def verify(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Decode every pixel. Raises Unprocessable (truncated_picture)."""
    kind = facts["kind"]
    with _opened(data, kind) as image:
        # Reads all of the file, but makes an eighth of the pixels a side.
        image.draft("RGB", (1, 1))
        try:
            image.load()
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise _damaged(kind) from error
    return {}, b""


def rotate(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Turn a picture file: see `connector.actions.lossless.rotate`, whose errors it raises."""
    # With what it stands on it takes longer to load than all the rest, and few ever need it.
    from connector.actions import lossless

    result = lossless.rotate(data, facts["degrees"], max_pixels=facts["max_pixels"])
    return {"how": result.how, "note": result.note}, result.data


def thumbnail(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Return a small JPEG, upright. Raises TooLarge and Unprocessable."""
    silence_pillow()
    side = facts["pixels"]
    try:
        with Image.open(io.BytesIO(data), formats=_THUMBNAILED) as image:
            if image.width * image.height > facts["max_pixels"]:
                raise TooLarge("The picture is too large for a thumbnail.", code="too_many_pixels")
            image.draft("RGB", (side, side))
            image.thumbnail((side, side))
            small = _on_white(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unprocessable(
            "No thumbnail could be made of the picture.", code="truncated_picture"
        ) from error
    # A new picture, so that nothing of the file's metadata goes with it.
    plain = Image.new("RGB", small.size)
    plain.paste(small)
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=80)
    return {}, out.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    """As RGB. What shines through is white on paper and in most mail programs."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def _opened(data: bytes, kind: str) -> ImageFile.ImageFile:
    silence_pillow()
    opener: Any = _OPENERS[kind]
    try:
        image: ImageFile.ImageFile = opener(io.BytesIO(data))
    except MemoryError:
        raise
    except Exception as error:
        # Pillow's parsers raise whatever they ran into: no list of types is complete.
        raise _damaged(kind) from error
    return image


def _pieces(image: ImageFile.ImageFile) -> list[tuple[int, int]]:
    """Where the header says that pixel data lies: (offset, length) in bytes."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return []
    tags = image.tag_v2
    return [
        (int(offset), int(length))
        for offsets, lengths in _STRIPS
        for offset, length in zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)
    ]


def _damaged(kind: str) -> Unprocessable:
    return Unprocessable(
        f"The {kind} picture is damaged or cut short; send it again, or save it anew first.",
        code="truncated_picture",
    )
