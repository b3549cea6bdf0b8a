"""Any torchvision classification network, or colabel's own, as a maker of embeddings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from models import colabel_small
from models.download import DEFAULTS, Source, find, names, weights_entry
from models.errors import ModelError
from models.fetch import Progress
from models.recognition import recognising, recognition_of
from models.signature import WeightsKind

__all__ = ["DEFAULTS", "Backbone", "Source", "build", "find", "names", "resolve"]

Three = tuple[float, float, float]

_FIXED_SIZE = ("vit_", "swin", "maxvit")
_LEGACY_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


@dataclass(frozen=True)
class Backbone:
    """A network without its last layer: float32 [N, 3, S, S], normalised -> float32 [N, dim]."""

    name: str
    module: nn.Module
    input_size: int
    mean: Three
    std: Three
    dim: int
    weights: WeightsKind
    source: str
    recognition: int = 0


def resolve(
    name: str | None,
    weights: Path | None,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Backbone:
    """`find` and `build` in one step; raises what they raise."""
    return build(find(name, weights, device=device, progress=progress))


def build(source: Source, *, recognition: bool = False) -> Backbone:
    """The network of a source with its weights loaded. Raises ModelError when they do not fit.

    With `recognition` the embedding begins with values that say how surely the network recognises
    one of the things that it was trained to name (see `recognising`), and which way up it is where
    it was trained to tell.
    """
    state = _state(source)
    network = bare(source.name, named=len(state.get("classifier.bias", ())))
    _check_fit(network, state, source)
    network.load_state_dict(state)
    size, mean, std = _looks(source)
    known = recognition_of(network) if recognition else 0
    features = recognising(network) if recognition else headless(network)
    module = with_texture(features, size)
    return Backbone(
        name=source.name,
        module=module,
        input_size=size,
        mean=mean,
        std=std,
        dim=embedding_dim(module, size),
        weights="pretrained",
        source=source.origin,
        recognition=known,
    )


def _looks(source: Source) -> tuple[int, Three, Three]:
    """The side at which whole pictures are looked at, and their mean and deviation.

    Convolutional networks gain from test pictures larger than their training crops (Touvron et al.
    2019, "Fixing the train-test resolution discrepancy"); measured here, 256 instead of 224 gave
    about one point. Networks with learned positions take no other size.
    """
    if source.name == colabel_small.NAME:
        return colabel_small.INPUT_SIZE, colabel_small.MEAN, colabel_small.STD
    prepared = weights_entry(source.name, source.path.name).transforms()
    crop = int(prepared.crop_size[0])
    larger = crop == 224 and not source.name.startswith(_FIXED_SIZE)
    return 256 if larger else crop, _three(prepared.mean), _three(prepared.std)


def bare(name: str, *, named: int = 0) -> nn.Module:
    """The architecture with random weights; colabel's own names as many things as `named`."""
    if name == colabel_small.NAME:
        return colabel_small.ColabelSmall(named or colabel_small.NAMED)
    import torchvision  # takes seconds, and colabel's own network needs it not

    # Their pretrained weights expect this; their slow initialisation would be overwritten anyway.
    inception = {"transform_input": True, "init_weights": False}
    options = inception if name in ("googlenet", "inception_v3") else {}
    network: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return network


def headless(network: nn.Module) -> nn.Module:
    """Take the classifying layer off, so that the network gives its pooled features. In place."""
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if linear:
        network.set_submodule(linear[-1], nn.Identity())
    else:
        # SqueezeNet classifies by a 1x1 convolution before it pools.
        network.set_submodule("classifier", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    return network.eval().requires_grad_(False)


def with_texture(module: nn.Module, size: int) -> nn.Module:
    """Add the statistics of an earlier stage to the features, where the network has such a stage.

    Mean and deviation of the feature maps at twice the final resolution tell materials and surfaces
    apart that the last features, made for objects, no longer do: half a point to one and a half on
    three small data sets. Networks of tokens keep their features as they are.
    """
    maps = _feature_maps(module, size)
    if not maps:
        return module
    final = maps[-1][1]
    earlier = [name for name, side in maps if side > final]
    return Textured(module, earlier[-1]).eval() if earlier else module


@torch.inference_mode()
def _feature_maps(module: nn.Module, size: int) -> list[tuple[str, int]]:
    """Stages in the order in which they run, with the side of the square map that each gives."""
    seen: list[tuple[str, int]] = []

    def note(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            # Maps with channels last fail this, having as many channels as columns only by chance.
            if isinstance(output, torch.Tensor) and output.ndim == 4:
                side = output.shape[2]
                if side == output.shape[3] and side > 1:
                    seen.append((name, side))

        return hook

    stages = [(name, m) for name, m in module.named_modules() if name and name.count(".") < 2]
    handles = [stage.register_forward_hook(note(name)) for name, stage in stages]
    try:
        module(torch.zeros(1, 3, size, size))
    finally:
        for handle in handles:
            handle.remove()
    return seen


class Textured(nn.Module):
    """The features of a network followed by mean and deviation of one of its earlier maps."""

    def __init__(self, network: nn.Module, stage: str) -> None:
        super().__init__()
        self.network = network
        self.stage = stage
        self._maps: list[torch.Tensor] = []
        network.get_submodule(stage).register_forward_hook(self._keep)

    def _keep(self, _module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        self._maps.append(output)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        features = self.network(pictures)
        deviation, mean = torch.std_mean(self._maps.pop(), dim=(2, 3), correction=0)
        return torch.cat([features, mean, deviation], dim=1)


@torch.inference_mode()
def embedding_dim(module: nn.Module, size: int) -> int:
    """Length of what a module gives for one picture."""
    shape = module(torch.zeros(1, 3, size, size)).shape
    if len(shape) != 2:
        raise ModelError(f"The network gives {list(shape)} for a picture, not one row of features.")
    return int(shape[1])


def _state(source: Source) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(source.path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Depending on what the file is instead: pickle, zip, OS and runtime errors.
        raise ModelError(
            f"{source.path.name} is not a weights file that torch can read; "
            "save the network's state_dict with torch.save.",
            code="weights_unreadable",
        ) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ModelError(
            f"{source.path.name} holds no state_dict; save one with "
            "torch.save(network.state_dict(), …).",
            code="weights_unreadable",
        )
    return {_LEGACY_DENSENET.sub(r"\1\2", key.removeprefix("module.")): state[key] for key in state}


def _check_fit(network: nn.Module, state: dict[str, torch.Tensor], source: Source) -> None:
    own = network.state_dict()
    # Files older than this counter lack it, and nothing reads it outside training.
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    foreign = [key for key in state if key not in own]
    shaped = [key for key in own if key in state and own[key].shape != state[key].shape]
    problems = [
        f"{what}: {', '.join(keys[:3])}{f' and {len(keys) - 3} more' if len(keys) > 3 else ''}"
        for what, keys in (("missing", missing), ("unknown", foreign), ("of another size", shaped))
        if keys
    ]
    if problems:
        raise ModelError(
            f"{source.path.name} does not fit {source.name} ({'; '.join(problems)}); "
            "name the network it belongs to in COLABEL_BACKBONE.",
            code="weights_do_not_fit",
        )
    for key in own:
        state.setdefault(key, own[key])


def _three(values: list[float]) -> Three:
    first, second, third = (float(value) for value in values)
    return first, second, third
