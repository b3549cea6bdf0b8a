"""What turning a picture file gives, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PIL.Image import Transpose

from connector.actions.orientation import Tag
from connector.errors import ActionFailed, TooLarge

How = Literal["lossless_dct", "orientation_tag", "recompressed", "pixel_exact", "unchanged"]

TRANSPOSE = {
    Tag.FLIP_HORIZONTAL: Transpose.FLIP_LEFT_RIGHT,
    Tag.ROTATE_180: Transpose.ROTATE_180,
    Tag.FLIP_VERTICAL: Transpose.FLIP_TOP_BOTTOM,
    Tag.TRANSPOSE: Transpose.TRANSPOSE,
    # Pillow turns counter-clockwise.
    Tag.ROTATE_90: Transpose.ROTATE_270,
    Tag.TRANSVERSE: Transpose.TRANSVERSE,
    Tag.ROTATE_270: Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Rotated:
    """The new file, how it was made, and a sentence where that is not what one would expect."""

    data: bytes
    how: How
    note: str | None = None


class Unrotatable(ActionFailed):
    """A picture that cannot be turned exactly, and so is not turned at all."""

    default_code = "not_rotatable"
    title = "This picture cannot be turned without loss"


def too_large(max_pixels: int) -> TooLarge:
    """Return the error for a picture over COLABEL_MAX_PIXELS."""
    return TooLarge(
        f"The picture has more than {max_pixels:,} pixels and was not turned; use a smaller one, "
        "or raise COLABEL_MAX_PIXELS."
    )
