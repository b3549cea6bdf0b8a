"""A small network trained from scratch on the user's pictures, for want of pretrained weights."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

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
        _optimise(network, data, class_weights, seconds, seed, progress)
    network.eval().requires_grad_(False)
    backbone = Backbone(
        name=NAME,
        module=network.features,
        input_size=INPUT_SIZE,
        mean=MEAN,
        std=STD,
        dim=network.dim,
        weights="scratch",
        source=f"trained from scratch on {len(data)} pictures",
    )
    weights = network.last.weight.detach().numpy().T.astype(np.float64)
    return TrainedFromScratch(
        backbone, Head(labels, weights, network.last.bias.detach().numpy().astype(np.float64))
    )


def _optimise(
    network: SmallNetwork,
    data: PictureSet,
    class_weights: Tensor,
    seconds: float,
    seed: int,
    progress: Progress | None,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_PEAK_RATE, weight_decay=0.05)
    loss_of = nn.CrossEntropyLoss(weight=class_weights, label_smoothing=_SMOOTHING)
    mean, std = torch.tensor(MEAN).view(1, 3, 1, 1), torch.tensor(STD).view(1, 3, 1, 1)
    network.train()
    share, done, start = 0.0, 0, time.monotonic()
    while share < 1:
        for batch, targets in data.batches(_BATCH, generator, augment=True):
            for group in optimiser.param_groups:
                group["lr"] = _PEAK_RATE * _one_cycle(share)
            optimiser.zero_grad(set_to_none=True)
            planes = ((batch - mean) / std).contiguous(memory_format=torch.channels_last)
            loss_of(network(planes), targets).backward()
            optimiser.step()
            done += 1
            # On a machine too slow for all the steps, the clock drives the schedule to its end.
            share = min(1.0, max(done / _STEPS, (time.monotonic() - start) / seconds))
            if progress:
                progress(round(share * _STEPS), _STEPS)
            if share >= 1:
                break


def _one_cycle(share: float) -> float:
    """Up to 1 over the first fifth, then down to 0 along a cosine."""
    if share < 0.2:
        return 0.1 + 0.9 * share / 0.2
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (share - 0.2) / 0.8)))
