"""Small labelled folders to learn from: stripes and dots that a network tells apart soon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

LABELS = ("dots", "lines")


def picture(label: str, seed: int, side: int) -> Image.Image:
    """A noisy picture of one label, brighter at its top, so that it can be told how it lies."""
    random = np.random.default_rng([LABELS.index(label), seed])
    grey = np.full((side, side), random.uniform(60, 120))
    grey += np.linspace(90, 0, side)[:, None]
    cell, half = side // 4, side // 8
    rows, columns = np.indices((side, side)) % cell < half
    grey[rows if label == "lines" else rows & columns] = 20
    noisy = grey[:, :, None] + random.normal(0, 6, (side, side, 3)) + random.uniform(-20, 20, 3)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def album(folder: Path, count: int = 60, side: int = 64) -> Path:
    """Write `count` pictures a label, the second label's one folder deeper."""
    for label in LABELS:
        own = folder / label / ("images" if label == "lines" else "")
        own.mkdir(parents=True)
        for seed in range(count):
            picture(label, seed, side).save(own / f"{seed:03}.png")
    return folder
