"""Get hold of pretrained weights: the user's, torchvision's by cache or internet, or the box's."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from models import colabel_small, fetch
from models.errors import ModelError, WeightsMissing
from models.fetch import Progress

DEFAULTS = {"cpu": "mobilenet_v2", "cuda": "convnext_tiny"}
# As torchvision has them, whose loading takes longer than a training without it.
ADDRESSES = {
    "mobilenet_v2": "https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth",
    "convnext_tiny": "https://download.pytorch.org/models/convnext_tiny-983f1562.pth",
}
# Billions of multiply-adds a picture that a machine can be asked for when nobody named a backbone.
_AFFORDABLE = {"cpu": 2.0, "cuda": 20.0}
_SUFFIXES = (".pth", ".pt", ".bin")
# What COLABEL_BACKBONE says for a network that knows nothing but the user's own pictures.
SCRATCH = "scratch"
# How long nobody asks again for what could not be downloaded: one training after the other, each
# waiting for a network that swallows everything, would be tiresome.
_RETRY_SECONDS = 60.0
_failed: dict[str, tuple[float, WeightsMissing]] = {}
BOXED = Path(__file__).parent / "weights" / f"{colabel_small.NAME}.pth"


@dataclass(frozen=True)
class Source:
    """Which network, and the file that its weights are in.

    `missing` says in sentences why a better network could not be had, where that was wanted.
    """

    name: str
    path: Path
    origin: str
    sha256: str
    missing: str | None = None

    @property
    def key(self) -> str:
        """Names what `build` will make of it: the same key, the same network."""
        return f"{self.name}-{self.sha256}"


def names() -> list[str]:
    """The architectures that may be asked for."""
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    return [colabel_small.NAME, *(str(name) for name in known)]


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
    in `weights` decides, else DEFAULTS for the device ("cpu" or "cuda"). Where that one cannot be
    had, it is colabel_small, whose weights are in the box, and `missing` says so. Raises ModelError
    for an unknown name or a path that does not exist, WeightsMissing for the name "scratch".
    """
    _check_name(name)
    files = _files(weights)
    if name is None:
        name = _best(files, device) or DEFAULTS[device]
    elif weights is not None and weights.is_file():
        files = {name: weights}
    if name in files:
        return _source(name, files[name], f"file {files[name].name}")
    if name == colabel_small.NAME:
        return boxed()
    try:
        return _from_torchvision(name, progress)
    except WeightsMissing as error:
        return replace(boxed(), missing=_without(name, weights, error))


def boxed() -> Source:
    """colabel's own small network, which comes with it."""
    return _source(colabel_small.NAME, BOXED, "in the box")


def _without(name: str, weights: Path | None, error: WeightsMissing) -> str:
    looked = f"They are not in {weights}, and " if weights else ""
    return (
        f"The pretrained weights of {name} are missing. {looked}{error.detail} "
        f"{colabel_small.NAME}, the network in the box, is at work instead: smaller, and more "
        "often wrong on photos. For the better one put its file on this machine and set "
        "COLABEL_WEIGHTS to it."
    )


def _check_name(name: str | None) -> None:
    if name == SCRATCH:
        raise WeightsMissing(
            f"COLABEL_BACKBONE is {SCRATCH}: a small network is trained on your pictures alone, "
            "which needs many more of them and errs more often on photos. Without that setting "
            f"pretrained weights are used, if only those of {colabel_small.NAME} in the box."
        )
    if name not in (None, colabel_small.NAME) and name not in names():
        raise ModelError(
            f"There is no torchvision classification network {name!r}; set COLABEL_BACKBONE to "
            f"one such as {', '.join(DEFAULTS.values())} or resnet50, to {colabel_small.NAME}, "
            f"which is in the box, or to {SCRATCH}.",
            code="unknown_backbone",
        )


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
        if name == colabel_small.NAME:
            return True, 0.0
        meta = weights_entry(name, files[name].name).meta
        work = float(meta["_ops"])
        affordable = work <= _AFFORDABLE[device]
        accuracy = float(meta["_metrics"]["ImageNet-1K"]["acc@1"])
        return affordable, accuracy if affordable else -work

    return max(files, key=rank, default=None)


def weights_entry(name: str, file: str) -> Any:
    """torchvision's entry for a weights file: the one of that file name, else the default."""
    import torchvision

    entries = torchvision.models.get_model_weights(name)
    for entry in entries:
        if Path(entry.url).name == file:
            return entry
    return entries.DEFAULT


def _from_torchvision(name: str, progress: Progress | None) -> Source:
    url = ADDRESSES.get(name) or str(weights_entry(name, "").url)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    cached = folder / Path(url).name
    if not cached.is_file():
        cached = _fetched(url, folder, progress)
    return _source(name, cached, f"torchvision, {cached.name}")


def _fetched(url: str, folder: Path, progress: Progress | None) -> Path:
    before, error = _failed.get(url, (-_RETRY_SECONDS, None))
    if error is not None and time.monotonic() - before < _RETRY_SECONDS:
        raise error
    try:
        return fetch.fetch(url, folder, progress=progress)
    except WeightsMissing as missing:
        _failed[url] = time.monotonic(), missing
        raise


def _source(name: str, path: Path, origin: str) -> Source:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(name, path, origin, digest)
