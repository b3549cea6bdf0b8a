"""Pictures with structure of every size, and what makes near-identical copies of them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageEnhance


def drawn(seed: int) -> Image.Image:
    """A picture with structure of every size."""
    random = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(random.integers(0, 256, (n, n, 3)).astype(np.uint8)).resize(
                (240, 180), Image.Resampling.BICUBIC
            ),
            np.float32,
        )
        for n in (3, 8, 20)
    ]
    return Image.fromarray(np.clip(sum(layers) / 3, 0, 255).astype(np.uint8))


def saved(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


ORIGINALS = [drawn(seed) for seed in range(20)]
CHANGES = {
    "saved again": lambda p: saved(p, 50),
    "half the size": lambda p: saved(p.resize((120, 90)), 85),
    "brighter": lambda p: saved(ImageEnhance.Brightness(p).enhance(1.15), 85),
    "less contrast": lambda p: saved(ImageEnhance.Contrast(p).enhance(0.8), 85),
    "cropped": lambda p: saved(p.crop((2, 2, 238, 178)), 85),
}
