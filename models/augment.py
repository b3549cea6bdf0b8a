"""Variations of training pictures that leave what is on them alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# The few passes that there is time for do not make up for smaller crops.
_AREA = 0.7
_RATIO = (3 / 4, 4 / 3)
_TONE = 0.2


@dataclass(frozen=True)
class Augmentation:
    """Random crops resized to `size` x `size` pixels, changes of tone, and mirroring if `flips`."""

    size: int
    flips: bool

    def __call__(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """float32 [B, 3, S, S] of 0..1 -> [B, 3, size, size] of 0..1, on the same device.

        The dice are thrown on the CPU, so that they fall alike on every machine.
        """
        mirrored = 0.5 if self.flips else 0.0
        moved = cropped(pictures, self.size, _AREA, generator, mirrored=mirrored)
        return _toned(moved, generator)


def cropped(
    pictures: Tensor,
    size: int,
    area: float,
    generator: torch.Generator,
    *,
    mirrored: float = 0.5,
) -> Tensor:
    """Random-resized crops (Szegedy et al. 2015, "Going deeper with convolutions").

    Pictures [B, 3, S, S] -> [B, 3, size, size], each of at least the share `area` of a picture, and
    mirrored with the probability `mirrored`.
    """
    places = _places(len(pictures), area, mirrored, generator).to(pictures.device)
    grid = functional.affine_grid(places, [len(pictures), 3, size, size], align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def between(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Even draws [count] on the CPU, where they fall alike on every machine."""
    return torch.rand(count, generator=generator) * (high - low) + low


def _places(count: int, least: float, share: float, generator: torch.Generator) -> Tensor:
    """Where each crop lies, as affine maps [B, 2, 3]."""
    area = between(count, least, 1, generator)
    ratio = torch.exp(between(count, math.log(_RATIO[0]), math.log(_RATIO[1]), generator))
    width = (area * ratio).sqrt().clamp(max=1)
    height = (area / ratio).sqrt().clamp(max=1)
    places = torch.zeros(count, 2, 3)
    mirrored = torch.rand(count, generator=generator) < share
    places[:, 0, 0] = torch.where(mirrored, -width, width)
    places[:, 1, 1] = height
    places[:, 0, 2] = between(count, -1, 1, generator) * (1 - width)
    places[:, 1, 2] = between(count, -1, 1, generator) * (1 - height)
    return places


def _toned(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation changed by up to a fifth each."""

    def factor() -> Tensor:
        drawn = between(len(pictures), 1 - _TONE, 1 + _TONE, generator)
        return drawn.view(-1, 1, 1, 1).to(pictures.device)

    pictures = pictures * factor()
    level = pictures.mean((1, 2, 3), keepdim=True)
    pictures = (pictures - level) * factor() + level
    grey = pictures.mean(1, keepdim=True)
    return ((pictures - grey) * factor() + grey).clamp(0, 1)
