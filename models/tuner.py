"""The state of a fine-tuning: steps forward, judges what it has, saves and restores itself."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from models.augment import Augmentation
from models.dataset import PictureSet
from models.fitting import temperature
from models.logistic import Ints, log_loss
from models.plans import BATCH, Plan
from models.tunable import Average, Tunable, autocast, learning, moving, optimiser, set_rate

_SMOOTHING = 0.1
_CLASS_WEIGHT = 10.0
_CHUNK = 32


@dataclass(frozen=True)
class Sides:
    """The pictures that are learned from, and those that tell how well that goes."""

    learned: PictureSet
    aside: PictureSet

    def __len__(self) -> int:
        return len(self.learned) + len(self.aside)


@dataclass
class Best:
    """What did best on the pictures set aside, and how it did."""

    values: dict[str, Tensor]
    loss: float = math.inf
    step: int = 0
    temperature: float = 1.0
    accuracy: float = 0.0


class Tuner:
    """A model, what optimises it, and the best of it so far."""

    def __init__(
        self, model: Tunable, plan: Plan, sides: Sides, *, device: str, flips: bool, seed: int
    ) -> None:
        self.model, self.plan, self.sides = model, plan, sides
        self._device, self._seed = device, seed
        plan.allowing(model)
        self._optimiser = optimiser(model)
        # Only float16 needs its gradients scaled.
        self._scaler = torch.amp.GradScaler(device, enabled=device == "cuda")
        self._average = Average(model)
        self._augmentation = Augmentation(plan.size, flips)
        weights = class_weights(sides.learned.targets.numpy(), len(model.labels))
        self._weights = torch.from_numpy(weights).float().to(device)
        self.best = Best({})

    @property
    def steps_an_epoch(self) -> int:
        """Batches in one pass over the pictures."""
        return math.ceil(len(self.sides.learned) / BATCH)

    def step(self, number: int, rate: float) -> None:
        """Learn from one batch at this part of the peak learning rates.

        What is in it and how it is varied depends on its number alone, so that a run that was
        interrupted goes on with what it would have seen.
        """
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        pictures, targets = self.sides.learned.batch(number, BATCH, self._seed)
        planes = self._augmentation(pictures.to(self._device), generator)
        set_rate(self._optimiser, rate)
        self._optimiser.zero_grad(set_to_none=True)
        with learning(self.model), autocast(self._device, self.plan.mixed):
            logits = self.model(planes)
        loss = functional.cross_entropy(
            logits, targets.to(self._device), self._weights, label_smoothing=_SMOOTHING
        )
        torch.autograd.backward(self._scaler.scale(loss))
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._average.update(number)

    def judge(self, step: int) -> None:
        """Score the averaged weights on what was set aside, at its best temperature; keep the best.

        With the temperature chosen on the same pictures, the loss says how well the answers tell
        right from wrong and not how bold label smoothing happens to leave them.
        """
        with self._average.applied():
            logits = self._answers()
        targets = self.sides.aside.targets.numpy()
        softening = temperature(logits, targets)
        loss = log_loss(logits / softening, targets)
        if loss > self.best.loss:
            return
        self.best = Best(
            values={name: v.detach().clone() for name, v in self._average.values.items()},
            loss=loss,
            step=step,
            temperature=softening,
            accuracy=float((logits.argmax(axis=1) == targets).mean()),
        )

    @torch.inference_mode()
    def _answers(self) -> npt.NDArray[np.float64]:
        parts = [self.model(p.to(self._device)).cpu() for p in self.sides.aside.chunks(_CHUNK)]
        return np.asarray(torch.cat(parts).double().numpy())

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as tensors and plain values."""
        return {
            "plan": asdict(self.plan),
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
            "average": self._average.values,
            "best": dict(vars(self.best)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._scaler.load_state_dict(state["scaler"])
        for name, value in self._average.values.items():
            value.copy_(state["average"][name])
        self.best = Best(**state["best"])

    @torch.no_grad()
    def finish(self) -> Tunable:
        """The model with its best weights, on the CPU."""
        for name, value in moving(self.model):
            value.copy_(self.best.values[name])
        return self.model.to("cpu").to(memory_format=torch.contiguous_format)


def class_weights(targets: Ints, count: int) -> npt.NDArray[np.float64]:
    """What a picture of each label weighs [K]: 1, or more for the rare if sizes differ twofold.

    At most ten times what the commonest weighs; 1 on average over the pictures.
    """
    sizes = np.bincount(targets, minlength=count)
    weights = np.ones(count)
    if sizes.max() >= 2 * sizes.min():
        weights = np.minimum(sizes.max() / np.maximum(sizes, 1), _CLASS_WEIGHT)
    return np.asarray(weights / weights[targets].mean())
