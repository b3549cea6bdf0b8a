"""A network that fine-tunes in a second, and pictures that it has to be fine-tuned for."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from models.backbone import Backbone

SIZE = 64
LABELS = ("striped across", "striped down", "plain")


def backbone(seed: int = 0) -> Backbone:
    """Four convolutions with random weights: float32 [N, 3, 64, 64] -> [N, 24]."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for before, width, stride in ((3, 8, 4), (8, 12, 2), (12, 16, 2), (16, 24, 1)):
            convolution = nn.Conv2d(before, width, 3, stride, padding=1)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
        module = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Backbone(
        name="tiny",
        module=module.eval().requires_grad_(False),
        input_size=SIZE,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        dim=24,
        weights="pretrained",
        source="made in the tests",
    )


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, 64, 64, 3] of faint stripes in coarse noise, and which of LABELS [N]."""
    rng = np.random.default_rng(seed)
    targets = rng.permutation(np.arange(count) % len(LABELS))
    coarse = rng.integers(60, 196, (count, 8, 8, 3))
    made = coarse.repeat(8, axis=1).repeat(8, axis=2)
    wave = 28 * np.sign(np.sin(np.arange(SIZE) * np.pi / 3 + 0.1))
    made[targets == 0] += wave.astype(int)[None, :, None, None]
    made[targets == 1] += wave.astype(int)[None, None, :, None]
    made = made + rng.integers(-12, 13, made.shape)
    return made.clip(0, 255).astype(np.uint8), targets.astype(np.int64)
