"""A backbone as the trainer exports it, and a head for it; speed does not depend on the weights."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
from common import LABELS, ROOT

from models.heads import Head
from models.signature import BACKBONE_KEY, BackboneCard


def make(folder: Path, name: str = "mobilenet_v2", weights: Path | None = None) -> bytes:
    """Export torchvision's network `name` (random weights without a file) and return the ONNX.

    torch runs in a process of its own, so that it takes no part in what is measured here.
    """
    path = folder / f"{name}.onnx"
    command = [sys.executable, str(Path(__file__)), name, str(path)]
    subprocess.run([*command, *([str(weights)] if weights else [])], check=True, cwd=ROOT)
    return path.read_bytes()


def head_for(backbone: bytes) -> bytes:
    """Return a head with random weights over the benchmark's labels."""
    import onnx

    properties = onnx.load_from_string(backbone).metadata_props
    card = next(one.value for one in properties if one.key == BACKBONE_KEY)
    dim = BackboneCard.model_validate_json(card).embedding_dim
    random = np.random.default_rng(0)
    return Head(LABELS, random.normal(size=(dim, len(LABELS))), np.zeros(len(LABELS))).to_bytes()


def _export(name: str, path: Path, weights: Path | None) -> None:
    import torch

    from models import backbone
    from models.export import backbone_onnx

    if weights is not None:
        made = backbone.resolve(name, weights)
    else:
        torch.manual_seed(0)
        network = backbone.headless(backbone.bare(name))
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        dim = backbone.embedding_dim(network, 224)
        made = backbone.Backbone(
            name, network, 224, mean, std, dim, weights="scratch", source="random weights"
        )
    path.write_bytes(backbone_onnx(made))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("path", type=Path)
    parser.add_argument("weights", type=Path, nargs="?")
    arguments = parser.parse_args()
    _export(arguments.name, arguments.path, arguments.weights)
