"""Patches of two colours to train on, and random weights that are enough to tell them apart."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from models import backbone
from models.train import Previous, Sample, Trained

LABELS = ["blue", "red"]


def picture(label: str, seed: int) -> bytes:
    """A patch of the label's colour on noise."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 200, (40, 40, 3)).astype(np.uint8)
    x, y = rng.integers(0, 20, 2)
    pixels[y : y + 20, x : x + 20] = (220, 30, 30) if label == "red" else (30, 30, 220)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def samples(per_label: int, read: Callable[[bytes], bytes] = lambda data: data) -> list[Sample]:
    made = []
    for label in LABELS:
        for i in range(per_label):
            data = picture(label, i + 1000 * (label == "red"))
            sha = hashlib.sha256(data).hexdigest()
            made.append(Sample(sha, label, lambda data=data: read(data)))  # type: ignore[misc]
    return made


def random_weights(folder: Path) -> Path:
    """Write a state_dict of the smallest network there."""
    torch.manual_seed(0)
    torch.save(backbone.bare("squeezenet1_1").state_dict(), folder / "squeezenet1_1.pth")
    return folder


def previous_of(made: Trained) -> Previous:
    card = made.card
    assert card.strength is not None
    assert card.chosen_from is not None
    return Previous(
        card.backbone_sha, made.head, card.strength, card.chosen_from, made.record.tuning
    )
