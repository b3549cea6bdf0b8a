"""A small JPEG that takes long to decode: every scan goes through all of its pixels once more."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image


@cache
def many_scans(side: int, scans: int) -> bytes:
    """Return a progressive JPEG whose last scan comes `scans` times more."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), (90, 30, 200)).save(out, "JPEG", progressive=True, quality=30)
    data = out.getvalue()
    last = data[data.rfind(b"\xff\xda") : -2]
    return data[:-2] + last * scans + b"\xff\xd9"
