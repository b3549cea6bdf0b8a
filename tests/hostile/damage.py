"""Files of every format that are cut short, or where some bytes are others."""

from __future__ import annotations

import numpy as np

from hostile.base import FORMATS, Pictures, ordinary

CUTS = (1, 4, 9, 13, 20, 33, 64, 150)
PARTS = (0.3, 0.6, 0.9, 0.999)


def pictures() -> Pictures:
    """Return them by what was done."""
    made: Pictures = {}
    for kind in FORMATS:
        data = ordinary(kind)
        for cut in CUTS:
            made[f"{kind} of {cut} bytes"] = data[:cut]
        for part in PARTS:
            made[f"{kind}, {part:.1%} of it"] = data[: int(part * len(data))]
        random = np.random.default_rng([len(data), *kind.encode()])
        for number in range(12):
            made[f"{kind} with wrong bytes, {number}"] = _spoiled(data, random, number)
        made[f"{kind} with another behind it"] = data + data
        made[f"{kind} behind zeros"] = bytes(16) + data
    return made


def _spoiled(data: bytes, random: np.random.Generator, number: int) -> bytes:
    """Change some bytes: of the header only, or anywhere; or give lengths that are too large."""
    spoiled = bytearray(data)
    reach = min(len(data), 200) if number % 2 else len(data)
    for position in random.integers(4, reach, 1 + number):
        spoiled[position] = 0xFF if number % 3 == 0 else int(random.integers(256))
    return bytes(spoiled)
