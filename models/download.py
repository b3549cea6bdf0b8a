"""Get hold of pretrained weights: a file of the user's, torchvision's cache, or the internet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision

from models import fetch
from models.errors import ModelError, WeightsMissing
from models.fetch import Progress

DEFAULTS = {"cpu": "mobilenet_v2", "cuda": "convnext_tiny"}
# Billions of multiply-adds a picture that a machine can be asked for when nobody named a backbone.
_AFFORDABLE = {"cpu": 2.0, "cuda": 20.0}
_SUFFIXES = (".pth", ".pt", ".bin")


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


def names() -> list[str]:
    """The architectures that may be asked for."""
    return [str(name) for name in torchvision.models.list_models(module=torchvision.models)]


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
        meta = weights_entry(name, files[name].name).meta
        work = float(meta["_ops"])
        affordable = work <= _AFFORDABLE[device]
        accuracy = float(meta["_metrics"]["ImageNet-1K"]["acc@1"])
        return affordable, accuracy if affordable else -work

    return max(files, key=rank, default=None)


def weights_entry(name: str, file: str) -> Any:
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
            cached = fetch.fetch(url, folder, progress=progress)
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
