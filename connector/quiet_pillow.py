"""Pillow's warnings: odd EXIF or palettes are no news to anybody here."""

from __future__ import annotations

import re
import warnings

_PILLOW = re.compile(r"PIL\b")


def silence_pillow() -> None:
    """Let Pillow keep its warnings to itself from now on.

    Not by catch_warnings, which is not thread-safe.
    """
    ours = ("ignore", None, Warning, _PILLOW, 0)
    if ours not in warnings.filters[:4]:
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)
