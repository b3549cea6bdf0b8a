"""Turn a picture file without losing anything; which way depends on its format."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image, UnidentifiedImageError

from connector.actions import exif
from connector.actions.jpeg import rotate_jpeg
from connector.actions.orientation import Tag, swaps_sides, turned
from connector.actions.png import SIGNATURE, rotate_png
from connector.actions.rotated import TRANSPOSE, Rotated, Unrotatable, too_large
from connector.quiet_pillow import silence_pillow


def rotate(data: bytes, degrees: int, *, max_pixels: int) -> Rotated:
    """Turn a picture file clockwise by 90, 180 or 270 degrees, as it is seen.

    A stated EXIF orientation is taken into account, and is 1 afterwards unless the tag itself is
    what was changed. Raises Unrotatable (a permanent ActionFailed) or TooLarge.
    """
    if degrees % 360 == 0:
        return Rotated(data, "unchanged")
    if data.startswith(b"\xff\xd8\xff"):
        return rotate_jpeg(data, degrees, max_pixels=max_pixels)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _rotate_tiff(data, degrees)
    if data[4:8] == b"ftyp":
        raise Unrotatable(
            "HEIC and AVIF pictures cannot be turned without loss, so this one was left as it "
            "is; save it as JPEG or PNG first, or sort it with “move”."
        )
    # Also of large pictures: the limit that counts is ours, below.
    silence_pillow()
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "WEBP", "BMP", "GIF"]) as image:
            _check_pixels(image, max_pixels)
            if data.startswith(SIGNATURE):
                return rotate_png(data, degrees)
            return _rotate_pixels(image, degrees, data)
    except Image.DecompressionBombError as error:
        raise too_large(max_pixels) from error
    except UnidentifiedImageError as error:
        raise Unrotatable(
            "This is not a picture of a kind that can be turned; use JPEG, PNG, WebP, TIFF, "
            "BMP or GIF."
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise Unrotatable(
            "This picture is damaged, so it was left as it is; replace the file."
        ) from error


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise too_large(max_pixels)
    if getattr(image, "n_frames", 1) > 1:
        raise Unrotatable("An animated picture cannot be turned; use a still one.")


def _rotate_tiff(data: bytes, degrees: int) -> Rotated:
    """Set the orientation tag, which belongs to baseline TIFF 6.0: nothing else changes."""
    try:
        block = exif.TiffBlock(data)
        if block.next_directory(block.first) is not None:
            raise Unrotatable("A TIFF of several pages cannot be turned; split it first.")
        block.set_orientation(turned(block.orientation() or 1, degrees))
    except exif.BadExif as error:
        raise Unrotatable(
            "This TIFF is damaged or of a rare kind, so it was left as it is; save it anew."
        ) from error
    return Rotated(
        bytes(block.data),
        "orientation_tag",
        "Only the orientation tag was set, as TIFF provides; no pixel has changed.",
    )


def _rotate_pixels(image: Image.Image, degrees: int, data: bytes) -> Rotated:
    """Turn the pixels of a WebP, BMP or GIF, write them without loss, and look at the result."""
    kind = image.format or ""
    found = dict(image.info)
    stated = _orientation(found)
    target = turned(stated, degrees)
    # In its own mode: a palette stays a palette.
    upright = image.copy() if target == Tag.UPRIGHT else image.transpose(TRANSPOSE[target])
    out = io.BytesIO()
    upright.save(out, kind, **_options(kind, found, upright.size, swaps_sides(target)))
    with Image.open(io.BytesIO(out.getvalue()), formats=[kind]) as written:
        exact = written.convert("RGBA").tobytes() == upright.convert("RGBA").tobytes()
    if not exact:
        raise Unrotatable(
            f"This {kind} cannot be written again exactly, so it was left as it is; save it as "
            "PNG first."
        )
    note = None
    if kind == "WEBP" and b"VP8 " in data[12:64]:
        note = "The lossy WebP is now a lossless one with the same pixels, and may be larger."
    return Rotated(out.getvalue(), "pixel_exact", note)


def _orientation(info: Mapping[Any, Any]) -> int:
    block = info.get("exif") or b""
    xmp = info.get("xmp") or b""
    return exif.read_orientation(block.removeprefix(b"Exif\0\0")) or exif.xmp_orientation(xmp) or 1


def _options(
    kind: str, info: Mapping[Any, Any], size: tuple[int, int], sides_swapped: bool
) -> dict[str, Any]:
    """Return how to save so that pixels and metadata stay as they are."""
    if kind == "WEBP":
        options: dict[str, Any] = {"lossless": True, "exact": True, "quality": 80}
        if block := info.get("exif"):
            raw = block.removeprefix(b"Exif\0\0")
            options["exif"] = exif.after_turn(raw, size, sides_swapped=sides_swapped)
        if packet := info.get("xmp"):
            options["xmp"] = exif.xmp_with(packet, 1, size)
        options["icc_profile"] = info.get("icc_profile", b"")
        return options
    if kind == "GIF":
        kept = ("transparency", "background", "comment")
        return {"optimize": False} | {key: info[key] for key in kept if key in info}
    x, y = info.get("dpi", (96, 96))
    return {"dpi": (y, x) if sides_swapped else (x, y)}
