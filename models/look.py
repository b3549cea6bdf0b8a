"""A short key of how a picture looks: near-identical ones have keys that differ in few bits.

So short that a process without numpy can compare one picture with thousands.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import shake_128

import numpy as np
import numpy.typing as npt

from models.duplicates import THUMBNAIL, structure

BITS = 256


def look(thumbnail: npt.NDArray[np.uint8]) -> bytes:
    """The key, BITS bits, of a grey thumbnail uint8 [32, 32]; empty for one that shows nothing.

    Each bit says on which side of a random plane the thumbnail lies, so that the share of bits in
    which two differ is the angle between them (Charikar 2002, "Similarity estimation techniques
    from rounding algorithms"): a correlation of 0.965 is 22 of 256.
    """
    place = structure(thumbnail[None])[0]
    return np.packbits(_planes() @ place > 0).tobytes() if place.any() else b""


@lru_cache(maxsize=1)
def _planes() -> npt.NDArray[np.float32]:
    """Random signs [BITS, 1024], the same on every machine and for ever."""
    drawn = shake_128(b"colabel look").digest(BITS * THUMBNAIL**2 // 8)
    signs = np.unpackbits(np.frombuffer(drawn, np.uint8)).astype(np.float32)
    return 2 * signs.reshape(BITS, THUMBNAIL**2) - 1
