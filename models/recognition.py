"""How surely a pretrained network recognises something: knowledge that needs no label at all.

A network that learned to name things in upright pictures is less sure of them in turned ones. The
largest logit and the log of the sum of their exponentials (the negative "energy" of Liu et al.
2020, "Energy-based Out-of-distribution Detection") together with the entropy and the spread of the
logits carry that over to pictures of things that it cannot name.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.colabel_small import TURNS, ColabelSmall

RECOGNITION = 4


def recognition_of(network: nn.Module) -> int:
    """How many values come before the pooled features once a network is `recognising`."""
    return RECOGNITION + (TURNS if isinstance(network, ColabelSmall) else 0)


def recognising(network: nn.Module) -> nn.Module:
    """Let a classifying network give RECOGNITION values and its pooled features. In place.

    colabel's own adds the log-probabilities that it gives each quarter turn, RECOGNITION + 4 in
    all: it was trained to tell how a picture lies.
    """
    if isinstance(network, ColabelSmall):
        network.set_submodule("classifier", Recognition(network.classifier, network.turned))
        return network.eval().requires_grad_(False)
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if linear:
        network.set_submodule(linear[-1], Recognition(network.get_submodule(linear[-1])))
    else:
        # SqueezeNet classifies by a 1x1 convolution before it pools.
        network.set_submodule("classifier", _RecognitionOfMaps(network.get_submodule("classifier")))
    return network.eval().requires_grad_(False)


class Recognition(nn.Module):
    """In the place of the classifying layer: what it would say in short, then what it is given."""

    def __init__(self, classifier: nn.Module, turned: nn.Module | None = None) -> None:
        super().__init__()
        self.classifier = classifier
        self.turned = turned

    def forward(self, features: Tensor) -> Tensor:
        parts = [_in_short(self.classifier(features)), features]
        if self.turned is not None:
            parts.insert(1, self.turned(features).log_softmax(dim=1))
        return torch.cat(parts, dim=1)


class _RecognitionOfMaps(nn.Module):
    """The same where maps of features are classified, and pooled after that."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, maps: Tensor) -> Tensor:
        logits = self.classifier(maps).flatten(1)
        return torch.cat([_in_short(logits), maps.mean(dim=(2, 3))], dim=1)


def _in_short(logits: Tensor) -> Tensor:
    """[N, classes] -> [N, RECOGNITION]: largest, log-sum-exp, minus entropy, deviation."""
    logarithms = logits.log_softmax(dim=1)
    agreed = (logarithms.exp() * logarithms).sum(dim=1)
    deviation = logits.std(dim=1, correction=0)
    return torch.stack([logits.amax(dim=1), logits.logsumexp(dim=1), agreed, deviation], dim=1)
