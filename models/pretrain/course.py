"""What a step of the training is, and what a training depends on."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.colabel_small import MEAN, STD, TURNS, ColabelSmall
from models.pretrain.pictures import Library
from models.pretrain.views import GENTLE, STRONG, Batch, Strength, Views, whole
from models.schedule import one_cycle

# Raise it when the same settings would give another network.
VERSION = 1
_SMOOTHING = 0.1
_TURN_WEIGHT = 0.3
_WARMTH = 2.0
_AVERAGE = 0.999


@dataclass(frozen=True)
class Settings:
    """What a training depends on besides its pictures.

    `passes` over the pictures; `rate` the peak learning rate; `sides` the crops' pixels over the
    course, each for an equal part of it, but the last (with gentle views) for `finish` of it.
    """

    passes: float = 14.0
    batch: int = 128
    rate: float = 0.2
    decay: float = 2e-4
    sides: tuple[int, ...] = (64, 64, 80)
    finish: float = 0.12
    seed: int = 0

    def __post_init__(self) -> None:
        if self.passes <= 0 or not 0 < self.finish < 1 or len(self.sides) < 2:
            raise ValueError("a course has passes, at least two sides, and a finish within 0..1")

    def look(self, share: float) -> tuple[int, Strength]:
        """Side and strength of the views at a share 0..1 of the course."""
        if share >= 1 - self.finish:
            return self.sides[-1], GENTLE
        part = share / (1 - self.finish)
        return self.sides[int(part * (len(self.sides) - 1))], STRONG


class Course:
    """A network, its moving average and its optimiser, going through the steps of `settings`."""

    def __init__(
        self,
        library: Library,
        settings: Settings,
        teacher: nn.Module | None,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(settings.seed)
        self.library, self.settings, self.device = library, settings, device
        self.views = Views(library, settings.batch, settings.seed)
        self.steps = max(1, round(settings.passes * self.views.per_pass))
        network = ColabelSmall(len(library.labels))
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.teacher = teacher
        if teacher is not None:
            teacher.to(device).eval().requires_grad_(False)
        self.optimiser = torch.optim.SGD(
            _groups(self.network, settings.decay), lr=0.0, momentum=0.9, nesterov=True
        )
        self.done = 0
        self.spent = 0.0

    def step(self) -> float:
        """Take the next step; returns its loss."""
        share = self.done / self.steps
        side, strength = self.settings.look(share)
        batch = self.views.batch(self.done, side, strength)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate * one_cycle(share)
        self.network.train()
        loss = self._loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.done += 1
        self._move_average()
        return float(loss.detach())

    def _loss(self, batch: Batch) -> Tensor:
        planes = normalised(batch.pictures.to(self.device))
        targets, turns = batch.targets.to(self.device), batch.turns.to(self.device)
        upright = turns == 0
        with _mixed(self.device):
            pooled = self.network.pooled(planes)
        pooled = pooled.float()
        logits = self.network.classifier(pooled[upright])
        named = functional.cross_entropy(logits, targets[upright], label_smoothing=_SMOOTHING)
        if self.teacher is not None:
            # Distillation (Hinton et al. 2015): the softened answers of an earlier run, by half.
            with torch.no_grad(), _mixed(self.device):
                taught = self.teacher(planes[upright]).float() / _WARMTH
            learned = functional.log_softmax(logits / _WARMTH, dim=1)
            gap = functional.kl_div(learned, taught.softmax(dim=1), reduction="batchmean")
            named = (named + gap * _WARMTH**2) / 2
        # Each turn counts the same, however many of a batch lie so (Gidaris et al. 2018, RotNet).
        counts = torch.bincount(turns, minlength=TURNS).float().clamp(min=1)
        weights = len(turns) / (TURNS * counts)
        turned = functional.cross_entropy(self.network.turned(pooled), turns, weights)
        return named + _TURN_WEIGHT * turned

    @torch.no_grad()
    def _move_average(self) -> None:
        """The mean of late weights generalises better than the last (Izmailov et al. 2018)."""
        weight = 1 - min(_AVERAGE, (1 + self.done) / (10 + self.done))
        now = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(now[name], weight)

    def state(self) -> dict[str, Any]:
        """All that `restore` needs."""
        return {
            "done": self.done,
            "spent": self.spent,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a `state` was taken."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.done, self.spent = state["done"], state["spent"]

    @torch.inference_mode()
    def examine(self, side: int) -> tuple[float, float]:
        """Shares of held-out pictures that the average names right, and knows to be upright."""
        right = upright = count = 0
        for shelf in self.library.shelves:
            rows = np.flatnonzero(shelf.held_out)
            for start in range(0, len(rows), 256):
                some = rows[start : start + 256]
                planes = normalised(whole(shelf, some, side).to(self.device))
                pooled = self.average.pooled(planes)
                named = self.average.classifier(pooled).argmax(1).cpu()
                right += int((named == torch.from_numpy(shelf.targets[some])).sum())
                upright += int((self.average.turned(pooled).argmax(1) == 0).sum())
                count += len(some)
        return right / max(count, 1), upright / max(count, 1)


def normalised(pictures: Tensor) -> Tensor:
    """float32 [N, 3, S, S] of 0..1 -> what the network takes."""
    mean = torch.tensor(MEAN, device=pictures.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=pictures.device).view(1, 3, 1, 1)
    return ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)


def _mixed(device: str) -> torch.autocast:
    """bfloat16 on a GPU, and on processors with matrix units for it; others would emulate it."""
    quick = device == "cuda" or bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return torch.autocast(device, torch.bfloat16, enabled=quick)


def _groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weights decay; biases and norms do not."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
