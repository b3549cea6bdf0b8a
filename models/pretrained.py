"""The pretrained backbone that was asked for, as an ONNX file that is made once."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import backbone, download, export
from models.embed import gpu_present
from models.training import ORIENTATION, Options, Progress, Report

# Part of the key of a kept backbone: raise it when the export changes.
EXPORT_VERSION = 1


@dataclass(frozen=True)
class Pretrained:
    """A backbone's ONNX file, and why it is not a better one, in sentences (None: it is)."""

    onnx: bytes
    missing: str | None


Sample = Callable[[int], npt.NDArray[np.uint8] | None]


def pretrained_backbone(
    options: Options,
    cache: MutableMapping[str, bytes],
    *,
    report: Report | None = None,
    sample: Sample | None = None,
) -> Pretrained:
    """Return the backbone, its ONNX file from `cache` where it is known.

    For the recipe "orientation" one that looks at the four turns of a picture. `sample` gives
    pictures uint8 [n, S, S, 3] of a side S to check the export with (None: noise). Raises what
    `backbone.find` and `backbone.build` raise; WeightsMissing where none is wanted.
    """

    def tell(step: str, done: int, total: int, message: str) -> None:
        if report is not None:
            report(Progress(step, done, total, message))

    def downloading(done: int, total: int) -> None:
        tell("weights", done, total, "Downloading pretrained weights")

    tell("weights", 0, 1, "Looking for pretrained weights")
    device = "cuda" if gpu_present() else "cpu"
    source = backbone.find(options.backbone, options.weights, device=device, progress=downloading)
    tell("weights", 1, 1, f"Using {source.name} ({source.origin})")
    key = key_of(source, options.recipe)
    if key not in cache:
        tell("exporting", 0, 1, f"Converting {source.name} to ONNX")
        cache[key] = _export(source, options.recipe, sample)
    tell("exporting", 1, 1, f"{source.name} is ready")
    return Pretrained(cache[key], source.missing)


def key_of(source: download.Source, recipe: str) -> str:
    """Return the name under which the export of a source is kept."""
    turns = "-turns" if recipe == ORIENTATION else ""
    return f"{source.key}-{EXPORT_VERSION}{turns}"


def _export(source: download.Source, recipe: str, sample: Sample | None) -> bytes:
    network = backbone.build(source, recognition=recipe == ORIENTATION)
    pictures = sample(network.input_size) if sample is not None else None
    exported = export.backbone_onnx(network, pictures)
    return export.in_four_turns(exported, plain=False) if recipe == ORIENTATION else exported
