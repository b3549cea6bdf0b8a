"""A frozen network and its fine-tuned copy side by side: one embedding, one head, fewer errors.

Few pictures pull a network away from what it knew; answering with both keeps what either knows. On
three small sets the pair was right more often than the head of the frozen network and the
fine-tuned one by themselves wherever those two were about equal (benchmarks/README.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.backbone import Backbone
from models.fitting import temperature
from models.heads import Head
from models.logistic import Floats, Ints, log_loss

# What the frozen network may count for. Finer steps would follow the chance of few pictures.
_SHARES = (0.5, 0.25, 0.75, 0.0)


class SideBySide(nn.Module):
    """float32 [N, 3, S, S] -> [N, D1 + D2]: the features of one network, then of the other."""

    def __init__(self, frozen: nn.Module, tuned: nn.Module) -> None:
        super().__init__()
        self.frozen, self.tuned = frozen, tuned

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.cat([self.frozen(pictures), self.tuned(pictures)], dim=1)


@dataclass(frozen=True)
class Mix:
    """How two models' logits [N, K] become one answer: weighted, then divided by `temperature`."""

    share: float
    temperature: float

    def logits(self, frozen: Floats, tuned: Floats) -> Floats:
        """[N, K] before the temperature."""
        return self.share * frozen + (1 - self.share) * tuned


def weigh(frozen: Floats, tuned: Floats, targets: Ints) -> Mix:
    """What the frozen model should count for, by tempered logits [N, K] on unseen pictures.

    Averaging logits is averaging probabilities geometrically (Hinton 2002, "Training products of
    experts by minimizing contrastive divergence"); equal parts win ties.
    """
    best, least = Mix(0.0, 1.0), np.inf
    for share in _SHARES:
        logits = Mix(share, 1.0).logits(frozen, tuned)
        softening = temperature(logits, targets)
        loss = log_loss(logits / softening, targets)
        if loss < least:
            best, least = Mix(share, softening), loss
    return best


def joint_head(frozen: Head, tuned: Head, mix: Mix) -> Head:
    """The head on embeddings of `SideBySide`, of the heads on either half; with no share of the
    frozen one, the head on the tuned half alone.
    """
    own = (1 - mix.share) / tuned.temperature
    if not mix.share:
        return Head(tuned.labels, own * tuned.weights, own * tuned.bias, mix.temperature)
    kept = mix.share / frozen.temperature
    return Head(
        tuned.labels,
        np.concatenate([kept * frozen.weights, own * tuned.weights]),
        kept * frozen.bias + own * tuned.bias,
        mix.temperature,
    )


def joined(base: Backbone, tuned: nn.Module, mix: Mix, source: str) -> Backbone:
    """The backbone that `joint_head` works on."""
    tuned = tuned.eval().requires_grad_(False)
    if not mix.share:
        return replace(base, module=tuned, source=source)
    share_equal(tuned, base.module)
    pair = SideBySide(base.module, tuned).eval()
    return replace(base, module=pair, dim=2 * base.dim, source=source)


def share_equal(network: nn.Module, other: nn.Module) -> int:
    """Let `network` use the tensors of `other` where they are equal; returns how many.

    An exporter that sees one tensor twice writes it once, and ONNX Runtime then computes the stages
    that both have in common only once.
    """
    shared = 0
    there: Mapping[str, nn.Module] = dict(other.named_modules())
    for name, module in network.named_modules():
        for kind in ("_parameters", "_buffers"):
            mine, others = getattr(module, kind), getattr(there[name], kind)
            for key, value in mine.items():
                if value is not None and torch.equal(value, others[key]):
                    mine[key] = others[key]
                    shared += 1
    return shared


def answers_of(head: Head, vectors: npt.NDArray[np.float32]) -> Floats:
    """Tempered logits [N, K] of a head on embeddings [N, D]."""
    return head.logits(vectors) / head.temperature
