"""Pictures in memory for training a network: batches with light augmentation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

_SHIFT = 0.08
_ZOOM = 0.08
_BRIGHTNESS = 0.15
_CONTRAST = 0.2


class PictureSet:
    """Squashed pictures uint8 [N, S, S, 3] with their targets [N], kept as bytes."""

    def __init__(self, pictures: npt.NDArray[np.uint8], targets: npt.NDArray[np.int64]) -> None:
        self.pictures = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
        self.targets = torch.from_numpy(np.ascontiguousarray(targets))
        self._order: tuple[tuple[int, int], Tensor] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def batches(
        self, size: int, generator: torch.Generator, *, augment: bool
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass in random order: float32 [B, 3, S, S] of 0..1, int64 [B].

        Batches differ in size by at most one, so that none is too small for batch normalisation.
        """
        order = torch.randperm(len(self), generator=generator)
        for rows in order.tensor_split(math.ceil(len(order) / size)):
            pictures = self.pictures[rows].float() / 255
            if augment:
                pictures = _augmented(pictures, generator)
            yield pictures, self.targets[rows]

    def batch(self, number: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        """Batch `number` of passes without end, as `batches` gives them without augmentation.

        What it holds depends on the three arguments alone, in whatever order they are asked for.
        """
        count = math.ceil(len(self) / size)
        if self._order is None or self._order[0] != (number // count, seed):
            generator = torch.Generator().manual_seed(seed * 1_000_003 + number // count)
            order = torch.randperm(len(self), generator=generator)
            self._order = (number // count, seed), order
        rows = self._order[1].tensor_split(count)[number % count]
        return self.pictures[rows].float() / 255, self.targets[rows]

    def chunks(self, size: int) -> Iterator[Tensor]:
        """All pictures in their order, float32 [B, 3, S, S] of 0..1."""
        for start in range(0, len(self), size):
            yield self.pictures[start : start + size].float() / 255


def _augmented(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Small shifts, zooms and changes of tone. No flips or turns: those can be what is asked."""
    count = len(pictures)

    def spread(reach: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * reach

    place = torch.zeros(count, 2, 3)
    place[:, 0, 0] = 1 + spread(_ZOOM)
    place[:, 1, 1] = 1 + spread(_ZOOM)
    place[:, 0, 2] = spread(2 * _SHIFT)
    place[:, 1, 2] = spread(2 * _SHIFT)
    grid = functional.affine_grid(place, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(
        pictures, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    contrast = 1 + spread(_CONTRAST).view(-1, 1, 1, 1)
    brightness = spread(_BRIGHTNESS).view(-1, 1, 1, 1)
    return ((moved - 0.5) * contrast + 0.5 + brightness).clamp(0, 1)
