"""A backbone with its last layer on, ready to be fine-tuned: what trains, how fast, on what."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from models.backbone import Backbone
from models.heads import Head
from models.logistic import standardise

# Learning rates at the peak of the schedule, and what is taken off weights along the way.
# Batch normalisation makes up for a step too large; networks without it want smaller ones.
_NORMALISED_RATE, _NETWORK_RATE, _HEAD_RATE = 1e-3, 3e-4, 3e-3
_DECAY = 0.05
_EMA = 0.98


class Tunable(nn.Module):
    """Pictures float32 [N, 3, S, S] of 0..1 -> logits [N, K].

    The last layer works on standardised features, so that one learning rate suits all of them, and
    begins with zeros: begun as the head that was fitted to the frozen network, the network has
    little left to learn from. Dropout stays off. Batch normalisation keeps its statistics unless
    `norms_learn`, and then too where what it belongs to is frozen.
    """

    norms_learn = False

    mean: Tensor
    std: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, base: Backbone, labels: tuple[str, ...]) -> None:
        super().__init__()
        self.network = copy.deepcopy(base.module)
        self.labels = labels
        self.weight = nn.Parameter(torch.zeros(base.dim, len(labels)))
        self.bias = nn.Parameter(torch.zeros(len(labels)))
        self.register_buffer("mean", torch.tensor(base.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(base.std).view(1, 3, 1, 1))
        self.register_buffer("centre", torch.zeros(base.dim))
        self.register_buffer("scale", torch.ones(base.dim))
        self.to(memory_format=torch.channels_last).eval()

    @torch.no_grad()
    def standardise(self, vectors: npt.NDArray[np.float32]) -> None:
        """Let the last layer work on features as these embeddings [N, D] are spread."""
        made = standardise(vectors, rotate=False)
        moving = made.project > 0
        self.centre.copy_(torch.from_numpy(made.centre))
        self.scale.copy_(
            torch.from_numpy(np.where(moving, 1 / np.where(moving, made.project, 1), 1.0))
        )

    def features(self, pictures: Tensor) -> Tensor:
        """Embeddings float32 [N, D], computed in mixed precision under autocast."""
        planes = ((pictures - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        features: Tensor = self.network(planes).float()
        return features

    def forward(self, pictures: Tensor) -> Tensor:
        """Run the network, in mixed precision under autocast, and the last layer in single."""
        features = self.features(pictures)
        # The features' sizes differ by far.
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = ((features - self.centre) / self.scale) @ self.weight + self.bias
        return logits

    def head(self, temperature: float) -> Head:
        """The last layer on plain embeddings."""
        weights = (self.weight / self.scale[:, None]).detach().cpu().double()
        bias = self.bias.detach().cpu().double() - self.centre.cpu().double() @ weights
        return Head(self.labels, weights.numpy(), bias.numpy(), temperature)


def freeze_leading(model: Tunable, count: int) -> None:
    """Let all but the first `count` parameters of the network train, and the last layer."""
    for number, parameter in enumerate(model.network.parameters()):
        parameter.requires_grad_(number >= count)


def learning_norms(model: Tunable) -> list[tuple[str, BatchNorm]]:
    """Names and modules of the batch normalisation whose statistics change."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if model.norms_learn
        and isinstance(module, BatchNorm)
        and any(p.requires_grad for p in module.parameters())
    ]


@contextmanager
def learning(model: Tunable) -> Iterator[None]:
    """Normalisation that learns goes by the batch meanwhile, and takes its statistics in."""
    norms = [module for _, module in learning_norms(model)]
    for norm in norms:
        norm.train()
    try:
        yield
    finally:
        for norm in norms:
            norm.eval()


def optimiser(model: Tunable) -> torch.optim.Optimizer:
    """AdamW; the last layer learns faster than the network; biases and norms do not decay."""
    trained = [p for p in model.network.parameters() if p.requires_grad]
    normalised = any(isinstance(module, BatchNorm) for module in model.modules())
    rate = _NORMALISED_RATE if normalised else _NETWORK_RATE
    return torch.optim.AdamW(
        [
            _group([p for p in trained if p.ndim > 1], rate, _DECAY),
            _group([p for p in trained if p.ndim <= 1], rate, 0.0),
            _group([model.weight, model.bias], _HEAD_RATE, _DECAY),
        ]
    )


def _group(parameters: list[nn.Parameter], peak: float, decay: float) -> dict[str, Any]:
    return {"params": parameters, "lr": peak, "peak": peak, "weight_decay": decay}


def set_rate(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Set all learning rates to this share of their peaks."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share


class Average:
    """The moving average of what training changes: steadier than the last step."""

    def __init__(self, model: Tunable) -> None:
        self._moving = dict(moving(model))
        self.values = {name: value.detach().clone() for name, value in self._moving.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the model's present values in; early on the average follows quickly."""
        weight = 1 - min(_EMA, (1 + step) / (10 + step))
        for name, value in self.values.items():
            value.lerp_(self._moving[name], weight)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged values meanwhile."""
        own = {name: value.detach().clone() for name, value in self._moving.items()}
        self._put(self.values)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, values: dict[str, Tensor]) -> None:
        for name, value in self._moving.items():
            value.copy_(values[name])


def trained(model: Tunable) -> Iterator[tuple[str, nn.Parameter]]:
    """Names and parameters of what trains."""
    return ((n, p) for n, p in model.named_parameters() if p.requires_grad)


def moving(model: Tunable) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of all that training changes: parameters and running statistics."""
    yield from trained(model)
    for name, norm in learning_norms(model):
        for key, value in norm.named_buffers(recurse=False):
            if value.is_floating_point():
                yield f"{name}.{key}", value


def autocast(device: str, enabled: bool) -> AbstractContextManager[object]:
    """Mixed precision: float16 on a GPU, bfloat16 elsewhere."""
    kind = torch.float16 if device == "cuda" else torch.bfloat16
    return torch.autocast(device, kind, enabled=enabled)
