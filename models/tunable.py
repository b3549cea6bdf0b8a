"""A backbone with its last layer on, ready to be fine-tuned: what trains, how fast, on what."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.backbone import Backbone
from models.heads import Head
from models.logistic import standardise

# Learning rates at the peak of the schedule, and what is taken off weights along the way.
# Of a pretrained network; one run each on trash: 75 % right at 1e-3, 80 % at this rate.
_NETWORK_RATE, _HEAD_RATE = 3e-4, 1e-3
_DECAY = 0.05
_EMA = 0.98


class Tunable(nn.Module):
    """Pictures float32 [N, 3, S, S] of 0..1 -> logits [N, K].

    The last layer works on standardised features, so that one learning rate suits all of them, and
    begins as the head that was fitted to the frozen network (Kumar et al. 2022, "Fine-Tuning can
    Distort Pretrained Features and Underperform Out-of-Distribution"). Batch normalisation keeps
    its statistics, and dropout stays off: the whole network is in evaluation mode throughout.
    """

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
    def begin_with(self, head: Head, vectors: npt.NDArray[np.float32]) -> None:
        """Take over a head that was fitted to these embeddings [N, D] of the frozen network."""
        made = standardise(vectors, rotate=False)
        centre, moving = made.centre, made.project > 0
        scale = np.where(moving, 1 / np.where(moving, made.project, 1), 1.0)
        weights, bias = head.weights / head.temperature, head.bias / head.temperature
        self.centre.copy_(torch.from_numpy(centre))
        self.scale.copy_(torch.from_numpy(scale))
        self.weight.copy_(torch.from_numpy(weights * scale[:, None]))
        self.bias.copy_(torch.from_numpy(bias + centre @ weights))

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


def optimiser(model: Tunable) -> torch.optim.Optimizer:
    """AdamW; the last layer learns faster than the network; biases and norms do not decay."""
    trained = [p for p in model.network.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": _DECAY},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
            {"params": [model.weight, model.bias], "weight_decay": _DECAY},
        ],
        lr=_NETWORK_RATE,
    )


def set_rate(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Set all learning rates to this share of their peaks."""
    *network, head = optimiser.param_groups
    for group in network:
        group["lr"] = _NETWORK_RATE * share
    head["lr"] = _HEAD_RATE * share


class Average:
    """The moving average of what trains: steadier than the last step, at no cost in serving."""

    def __init__(self, model: Tunable) -> None:
        self._parameters = dict(trained(model))
        self.values = {name: value.detach().clone() for name, value in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the model's present values in; early on the average follows quickly."""
        weight = 1 - min(_EMA, (1 + step) / (10 + step))
        for name, value in self.values.items():
            value.lerp_(self._parameters[name], weight)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged values meanwhile."""
        own = {name: value.detach().clone() for name, value in self._parameters.items()}
        self._put(self.values)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, values: dict[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.copy_(values[name])


def trained(model: Tunable) -> Iterator[tuple[str, nn.Parameter]]:
    """Names and parameters of what trains."""
    return ((n, p) for n, p in model.named_parameters() if p.requires_grad)


def autocast(device: str, enabled: bool) -> AbstractContextManager[object]:
    """Mixed precision: float16 on a GPU, bfloat16 elsewhere."""
    kind = torch.float16 if device == "cuda" else torch.bfloat16
    return torch.autocast(device, kind, enabled=enabled)
