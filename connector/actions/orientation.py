"""The eight ways a picture can lie, as EXIF numbers them, and how they combine.

EXIF 2.32 (CIPA DC-008), tag 0x0112: the value says which transform shows the stored pixels upright.
"""

from __future__ import annotations

import re
from enum import IntEnum

from connector.errors import ActionFailed


class Tag(IntEnum):
    """What must be done to the stored pixels before they are shown."""

    UPRIGHT = 1
    FLIP_HORIZONTAL = 2
    ROTATE_180 = 3
    FLIP_VERTICAL = 4
    TRANSPOSE = 5
    ROTATE_90 = 6
    TRANSVERSE = 7
    ROTATE_270 = 8


# Following one of these transforms by a quarter turn clockwise gives …
_QUARTER_TURN = {1: 6, 6: 3, 3: 8, 8: 1, 2: 7, 7: 4, 4: 5, 5: 2}
# A label says where the top of the picture points; these turns (clockwise) bring it up.
UPRIGHT_TURNS = {"upright": 0, "left": 90, "right": 270, "upside_down": 180}


def turned(tag: int, degrees: int) -> Tag:
    """Return the transform `tag`, followed by a turn of `degrees` (multiple of 90) clockwise."""
    for _ in range(degrees // 90 % 4):
        tag = _QUARTER_TURN[tag]
    return Tag(tag)


def swaps_sides(tag: int) -> bool:
    """Whether width and height change places."""
    return tag >= Tag.TRANSPOSE


def degrees_to_upright(label: str) -> int:
    """Return the clockwise turn for a label: left 90, upside_down 180, right 270, upright 0.

    "left" means that the top of the picture points to the left. Case, spaces and hyphens do not
    matter. Raises ActionFailed for any other label.
    """
    name = re.sub(r"[\s_-]+", "_", label.strip().lower())
    if name not in UPRIGHT_TURNS:
        raise ActionFailed(
            f"The label “{label}” names no orientation, so the picture was not turned; use the "
            f"labels {', '.join(UPRIGHT_TURNS)}, or set “degrees” in the rule.",
            code="not_an_orientation",
        )
    return UPRIGHT_TURNS[name]
