"""Any torchvision classification network as a maker of embeddings, with its pretrained weights."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from models import download
from models.errors import ModelError, WeightsMissing
from models.signature import WeightsKind

log = logging.getLogger(__name__)

DEFAULTS = {"cpu": "mobilenet_v2", "cuda": "convnext_tiny"}
# Billions of multiply-adds a picture that a machine can be asked for when nobody named a backbone.
_AFFORDABLE = {"cpu": 2.0, "cuda": 20.0}
_FIXED_SIZE = ("vit_", "swin", "maxvit")
_SUFFIXES = (".pth", ".pt", ".bin")
_LEGACY_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Source:
    """Which network, and the file that its weights are in."""

    name: str
    path: Path
    origin: str
    sha256: str

    @property
    def key(self) -> str:
        """Names what `build` will make of it: the same key, the same network."""
        return f"{self.name}-{self.sha256}"


@dataclass(frozen=True)
class Backbone:
    """A network without its last layer: float32 [N, 3, S, S], normalised -> float32 [N, dim]."""

    name: str
    module: nn.Module
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    dim: int
    weights: WeightsKind
    source: str


def names() -> list[str]:
    """The architectures that may be asked for."""
    return [str(name) for name in torchvision.models.list_models(module=torchvision.models)]


def resolve(
    name: str | None,
    weights: Path | None,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Backbone:
    """`find` and `build` in one step; raises what they raise."""
    return build(find(name, weights, device=device, progress=progress))


def find(
    name: str | None,
    weights: Path | None,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Source:
    """Choose a network and get hold of its weights.

    They are looked for in `weights` (a state_dict file, or a folder of them named like their
    networks), in torchvision's cache, and on the internet, in this order. Without a `name`, what is
    in `weights` decides, else DEFAULTS for the device ("cpu" or "cuda"). Raises ModelError for an
    unknown name or a path that does not exist, WeightsMissing when there is nothing to be had.
    """
    if name is not None and name not in names():
        raise ModelError(
            f"There is no torchvision classification network {name!r}; "
            f"set COLABEL_BACKBONE to one such as {', '.join(DEFAULTS.values())} or resnet50.",
            code="unknown_backbone",
        )
    files = _files(weights)
    if name is None:
        name = _best(files, device) or DEFAULTS[device]
    elif weights is not None and weights.is_file():
        files = {name: weights}
    if name in files:
        return _source(name, files[name], f"file {files[name].name}")
    return _from_torchvision(name, weights, progress)


def build(source: Source) -> Backbone:
    """The network of a source with its weights loaded. Raises ModelError when they do not fit."""
    network = bare(source.name)
    _load(network, source)
    prepared = _weights_entry(source.name, source.path.name).transforms()
    size = _input_size(source.name, int(prepared.crop_size[0]))
    module = with_texture(headless(network), size)
    return Backbone(
        name=source.name,
        module=module,
        input_size=size,
        mean=_three(prepared.mean),
        std=_three(prepared.std),
        dim=embedding_dim(module, size),
        weights="pretrained",
        source=source.origin,
    )


def _input_size(name: str, crop: int) -> int:
    """The side at which whole pictures are looked at.

    Convolutional networks gain from test pictures larger than their training crops (Touvron et al.
    2019, "Fixing the train-test resolution discrepancy"); measured here, 256 instead of 224 gave
    about one point. Networks with learned positions take no other size.
    """
    return 256 if crop == 224 and not name.startswith(_FIXED_SIZE) else crop


def bare(name: str) -> nn.Module:
    """The architecture with random weights."""
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
    return _Textured(module, earlier[-1]).eval() if earlier else module


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


class _Textured(nn.Module):
    """The features of a network followed by mean and deviation of one of its earlier maps."""

    def __init__(self, network: nn.Module, stage: str) -> None:
        super().__init__()
        self.network = network
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


def _files(weights: Path | None) -> dict[str, Path]:
    """Architecture -> file, for what `weights` holds."""
    if weights is None:
        return {}
    if not weights.exists():
        raise ModelError(
            f"The path {weights} does not exist; set COLABEL_WEIGHTS to a state_dict file "
            "or a folder of them.",
            code="weights_path_wrong",
        )
    known = set(names())
    candidates = sorted(weights.iterdir()) if weights.is_dir() else [weights]
    found: dict[str, Path] = {}
    for path in candidates:
        name = path.stem if path.stem in known else path.stem.rpartition("-")[0]
        if path.suffix in _SUFFIXES and name in known and path.is_file():
            found.setdefault(name, path)
    return found


def _best(files: dict[str, Path], device: str) -> str | None:
    """The most accurate network of those that the device can carry, else the lightest."""

    def rank(name: str) -> tuple[bool, float]:
        meta = _weights_entry(name, files[name].name).meta
        work = float(meta["_ops"])
        affordable = work <= _AFFORDABLE[device]
        accuracy = float(meta["_metrics"]["ImageNet-1K"]["acc@1"])
        return affordable, accuracy if affordable else -work

    return max(files, key=rank, default=None)


def _weights_entry(name: str, file: str) -> Any:
    """torchvision's entry for a weights file: the one of that file name, else the default."""
    entries = torchvision.models.get_model_weights(name)
    for entry in entries:
        if Path(entry.url).name == file:
            return entry
    return entries.DEFAULT


def _from_torchvision(name: str, weights: Path | None, progress: Progress | None) -> Source:
    url = str(torchvision.models.get_model_weights(name).DEFAULT.url)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    cached = folder / Path(url).name
    if not cached.is_file():
        try:
            cached = download.fetch(url, folder, progress=progress)
        except WeightsMissing as error:
            looked = f"They are not in {weights}, and " if weights else ""
            raise WeightsMissing(
                f"The pretrained weights of {name} are missing. {looked}{error.detail} "
                "Without them a small network is trained on your pictures alone, which needs many "
                "more of them and errs more often on photos; put the file on this machine and set "
                "COLABEL_WEIGHTS to it."
            ) from error
    return _source(name, cached, f"torchvision, {cached.name}")


def _source(name: str, path: Path, origin: str) -> Source:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(name, path, origin, digest)


def _load(network: nn.Module, source: Source) -> None:
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
    state = {
        _LEGACY_DENSENET.sub(r"\1\2", key.removeprefix("module.")): state[key] for key in state
    }
    _check_fit(network, state, source)
    network.load_state_dict(state)


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


def _three(values: list[float]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
