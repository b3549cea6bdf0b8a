"""Batches to learn from: strongly varied crops, some of them turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.augment import between, cropped
from models.colabel_small import TURNS
from models.pretrain.pictures import Library, Shelf

_TONE = 0.4
_GREY = 0.1
# The share of a batch that is turned, and has to say so instead of naming what it shows.
_TURNED = 1 / 4


@dataclass(frozen=True)
class Strength:
    """How far a view may be from the picture: the least area of a crop, and whether tones vary."""

    area: float
    tones: bool


STRONG, GENTLE = Strength(0.2, tones=True), Strength(0.6, tones=False)


@dataclass(frozen=True)
class Batch:
    """float32 [B, 3, S, S] of 0..1, what they show [B], and their quarter turns to the left [B]."""

    pictures: Tensor
    targets: Tensor
    turns: Tensor


class Views:
    """Endless passes over a library; batch number n is the same whenever it is asked for."""

    def __init__(self, library: Library, size: int, seed: int) -> None:
        self._shelves = library.shelves
        rows = [
            np.stack([np.full(len(own), n), own])
            for n, shelf in enumerate(self._shelves)
            for own in [np.flatnonzero(~shelf.held_out)]
        ]
        self._rows = np.concatenate(rows, axis=1)
        self._size = size
        self._seed = seed
        self._order: tuple[int, np.ndarray[tuple[int], np.dtype[np.int64]]] | None = None

    @property
    def per_pass(self) -> int:
        """Whole batches in one pass over the pictures."""
        return max(1, int(self._rows.shape[1]) // self._size)

    def batch(self, number: int, side: int, strength: Strength) -> Batch:
        """Batch `number`, as crops of `side` pixels."""
        turn = number // self.per_pass
        if self._order is None or self._order[0] != turn:
            drawn = np.random.default_rng([self._seed, turn])
            self._order = turn, drawn.permutation(self._rows.shape[1])
        start = number % self.per_pass * self._size
        rows = self._rows[:, self._order[1][start : start + self._size]]
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        crops, targets = [], []
        for n, shelf in enumerate(self._shelves):
            own = rows[1][rows[0] == n]
            if len(own):
                planes = torch.from_numpy(shelf.pictures[own]).permute(0, 3, 1, 2).float() / 255
                crops.append(cropped(planes, side, strength.area, generator))
                targets.append(torch.from_numpy(shelf.targets[own]))
        pictures = torch.cat(crops)
        if strength.tones:
            pictures = _toned(pictures, generator)
        pictures, turns = _turned(pictures, generator)
        return Batch(pictures, torch.cat(targets), turns)


def whole(shelf: Shelf, rows: np.ndarray[tuple[int], np.dtype[np.int64]], side: int) -> Tensor:
    """Uncropped pictures of a shelf, float32 [B, 3, side, side] of 0..1."""
    planes = torch.from_numpy(shelf.pictures[rows]).permute(0, 3, 1, 2).float() / 255
    return functional.interpolate(
        planes, size=(side, side), mode="bilinear", antialias=True, align_corners=False
    )


def _toned(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation and the balance of colours changed; some made grey."""
    count = len(pictures)

    def factor(reach: float, channels: int = 1) -> Tensor:
        drawn = between(count * channels, 1 - reach, 1 + reach, generator)
        return drawn.view(count, channels, 1, 1)

    pictures = pictures * factor(_TONE) * factor(_TONE / 4, channels=3)
    level = pictures.mean((1, 2, 3), keepdim=True)
    pictures = (pictures - level) * factor(_TONE) + level
    grey = pictures.mean(1, keepdim=True)
    colour = factor(_TONE) * (torch.rand(count, 1, 1, 1, generator=generator) >= _GREY)
    return ((pictures - grey) * colour + grey).clamp(0, 1)


def _turned(pictures: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn the first of a batch to the left; which rows are first is as random as the batch."""
    count = len(pictures)
    turns = torch.zeros(count, dtype=torch.int64)
    chosen = torch.randperm(count, generator=generator)[: round(count * _TURNED)]
    turns[chosen] = torch.arange(len(chosen)) % (TURNS - 1) + 1
    turned = pictures.clone()
    for quarter in range(1, TURNS):
        own = turns == quarter
        turned[own] = torch.rot90(pictures[own], quarter, (2, 3))
    return turned, turns
