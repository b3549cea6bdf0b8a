"""A small network trained from scratch on the user's pictures, for want of pretrained weights."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models import orientation
from models.backbone import Backbone
from models.dataset import PictureSet
from models.heads import Head

log = logging.getLogger(__name__)

INPUT_SIZE = 96
NAME = "scratch_small"
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
_BATCH = 32
_STEPS = 300
_PEAK_RATE = 4e-3
_SMOOTHING = 0.05
# Cells a side that the features are kept in: where on a page something stands can decide.
_GRID = 3

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TrainedFromScratch:
    """The network without its last layer, and that layer as a head (its temperature still 1)."""

    backbone: Backbone
    head: Head


class SmallNetwork(nn.Module):
    """Five convolutions from 96 px to 6 x 6 cells, means over a 3 x 3 grid, one linear layer."""

    def __init__(self, labels: int, widths: tuple[int, ...] = (24, 48, 96, 96, 64)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for i, width in enumerate(widths):
            stride = 2 if i < 4 else 1
            layers += [
                nn.Conv2d(before, width, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            before = width
        cell = INPUT_SIZE // 16 // _GRID
        self.features = nn.Sequential(*layers, nn.AvgPool2d(cell), nn.Flatten())
        self.dim = before * _GRID * _GRID
        self.dropout = nn.Dropout(0.3)
        self.last = nn.Linear(self.dim, labels)

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised float32 [N, 3, 96, 96] -> logits [N, K]."""
        logits: Tensor = self.last(self.dropout(self.features(pictures)))
        return logits


def train(
    pictures: npt.NDArray[np.uint8],
    targets: npt.NDArray[np.int64],
    labels: tuple[str, ...],
    *,
    seconds: float = 40.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainedFromScratch:
    """Train on uint8 [N, 96, 96, 3] with targets [N] for at most about `seconds`.

    AdamW under a one-cycle cosine schedule, which the clock shortens where the machine is too slow
    for it. `progress` gets parts of the schedule done, and all. The same seed gives the same
    network as long as the schedule is not shortened.
    """
    data = PictureSet(pictures, targets)
    counts = np.bincount(targets, minlength=len(labels))
    class_weights = torch.tensor(len(targets) / (len(labels) * np.maximum(counts, 1))).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SmallNetwork(len(labels)).to(memory_format=torch.channels_last)
        loss_of = nn.CrossEntropyLoss(weight=class_weights, label_smoothing=_SMOOTHING)

        def loss(planes: Tensor, truth: Tensor) -> Tensor:
            return cast(Tensor, loss_of(network(planes), truth))

        schedule = _Schedule(_STEPS, _BATCH, seconds, seed, progress)
        _optimise(network, data, loss, schedule)
    weights = network.last.weight.detach().numpy().T.astype(np.float64)
    bias = network.last.bias.detach().numpy().astype(np.float64)
    return TrainedFromScratch(_backbone(network, len(data)), Head(labels, weights, bias))


def train_upright(
    pictures: npt.NDArray[np.uint8],
    lies: npt.NDArray[np.int64],
    labels: tuple[str, ...] = orientation.LABELS,
    *,
    seconds: float = 40.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainedFromScratch:
    """Train a score of "which way is up" on uint8 [N, 96, 96, 3]; all pictures may be upright.

    `lies` [N] says how each lies, in quarter turns to the left from upright. In each step the
    network scores the four turns of the same pictures, and a softmax over the four has to choose
    the upright one: the turned examples are made here. The head takes the embeddings of the
    returned backbone after `models.export.in_four_turns(…, plain=True)`. Otherwise as `train`.
    """
    upright = np.stack([np.rot90(one, -n) for one, n in zip(pictures, lies, strict=True)])
    data = PictureSet(upright, np.zeros(len(upright), np.int64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SmallNetwork(1).to(memory_format=torch.channels_last)
        loss_of = nn.CrossEntropyLoss(label_smoothing=_SMOOTHING)

        def loss(planes: Tensor, first: Tensor) -> Tensor:
            turns = torch.cat([torch.rot90(planes, n, (2, 3)) for n in range(4)])
            turns = turns.contiguous(memory_format=torch.channels_last)
            return cast(Tensor, loss_of(network(turns).view(4, -1).T, first))

        _optimise(network, data, loss, _Schedule(_STEPS, _BATCH // 4, seconds, seed, progress))
    score = network.last.weight.detach().numpy()[0].astype(np.float64)
    return TrainedFromScratch(_backbone(network, len(data)), orientation.head(score, labels))


def _backbone(network: SmallNetwork, count: int) -> Backbone:
    network.eval().requires_grad_(False)
    return Backbone(
        name=NAME,
        module=network.features,
        input_size=INPUT_SIZE,
        mean=MEAN,
        std=STD,
        dim=network.dim,
        weights="scratch",
        source=f"trained from scratch on {count} pictures",
    )


@dataclass(frozen=True)
class _Schedule:
    steps: int
    batch: int
    seconds: float
    seed: int
    progress: Progress | None


def _optimise(
    network: SmallNetwork,
    data: PictureSet,
    loss: Callable[[Tensor, Tensor], Tensor],
    schedule: _Schedule,
) -> None:
    generator = torch.Generator().manual_seed(schedule.seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_PEAK_RATE, weight_decay=0.05)
    steps = schedule.steps
    mean, std = torch.tensor(MEAN).view(1, 3, 1, 1), torch.tensor(STD).view(1, 3, 1, 1)
    network.train()
    share, done, start = 0.0, 0, time.monotonic()
    while share < 1:
        for batch, targets in data.batches(schedule.batch, generator, augment=True):
            for group in optimiser.param_groups:
                group["lr"] = _PEAK_RATE * _one_cycle(share)
            optimiser.zero_grad(set_to_none=True)
            planes = ((batch - mean) / std).contiguous(memory_format=torch.channels_last)
            loss(planes, targets).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            done += 1
            # On a machine too slow for all the steps, the clock drives the schedule to its end.
            share = min(1.0, max(done / steps, (time.monotonic() - start) / schedule.seconds))
            if schedule.progress:
                schedule.progress(round(share * steps), steps)
            if share >= 1:
                break


def _one_cycle(share: float) -> float:
    """Up to 1 over the first fifth, then down to 0 along a cosine."""
    if share < 0.2:
        return 0.1 + 0.9 * share / 0.2
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (share - 0.2) / 0.8)))
