"""Embeddings of sorted pictures for the benchmarks of learning, made once and kept in a folder.

    python benchmarks/embedded.py DATASETS_DIR WEIGHTS_DIR

DATASETS_DIR holds one folder per set, with one folder of pictures per label (or pictures alone).
Kept by set, backbone and view as .npz files under the system's folder for temporary files, or
where COLABEL_BENCH_CACHE says. Other benchmarks call `embeddings` and make what is missing.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import common
import numpy as np
import numpy.typing as npt

from models import backbone, export
from models.embed import Embedder
from models.preprocess import load_many

BACKBONES = ("squeezenet1_1", "mobilenet_v2")
SETS = ("ants_bees", "trash", "steel_defects")
UPRIGHT_SET = "photos"
TURNS = ("whole", "turn90", "turn180", "turn270")
VIEWS = ("whole", "mirror", "crop", "crop_mirror")
_BATCH = 64
_CROP = 0.8


@dataclass(frozen=True)
class Embedded:
    """A set of pictures under one backbone and view: vectors float32 [N, D], targets [N]."""

    paths: list[Path]
    labels: tuple[str, ...]
    targets: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]


def viewed(pictures: npt.NDArray[np.uint8], view: str) -> npt.NDArray[np.uint8]:
    """uint8 [N, S, S, 3] -> the same, mirrored, cropped in the middle, or turned (to the left)."""
    if view.startswith("turn"):
        return np.rot90(pictures, int(view[4:]) // 90, axes=(1, 2)).copy()
    if view.startswith("crop"):
        side = pictures.shape[1]
        edge = round(side * (1 - _CROP) / 2)
        pictures = pictures[:, edge : side - edge, edge : side - edge]
    return pictures[:, :, ::-1].copy() if view.endswith("mirror") else pictures


def onnx_backbone(name: str, weights: Path) -> bytes:
    """The exported backbone, kept beside the embeddings."""
    kept = _folder() / f"{name}.onnx"
    if not kept.exists():
        _write(kept, export.backbone_onnx(backbone.resolve(name, weights)))
    return kept.read_bytes()


def embeddings(datasets: Path, name: str, weights: Path, network: str, view: str) -> Embedded:
    """Embed a set once; the next call reads what was kept."""
    folder = datasets / name
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in common.SUFFIXES)
    labels = tuple(sorted({path.parent.name for path in paths}))
    index = {label: i for i, label in enumerate(labels)}
    targets = np.array([index[path.parent.name] for path in paths], np.int64)
    kept = _folder() / f"{name}-{network}-{view}.npz"
    if not kept.exists():
        embedder = Embedder(onnx_backbone(network, weights))
        parts = []
        for start in range(0, len(paths), _BATCH):
            datas = [path.read_bytes() for path in paths[start : start + _BATCH]]
            loaded = [np.asarray(one) for one in load_many(datas, embedder.size, 2)]
            parts.append(embedder.embed(viewed(np.stack(loaded), view)))
        with tempfile.TemporaryFile() as file:
            np.savez(file, vectors=np.concatenate(parts))
            file.seek(0)
            _write(kept, file.read())
    vectors = np.load(kept)["vectors"]
    if len(vectors) != len(paths):
        raise SystemExit(f"{kept} was made of other pictures; remove it.")
    return Embedded(paths, labels, targets, vectors)


def plain(datasets: Path, name: str, weights: Path, network: str) -> npt.NDArray[np.float32]:
    """What the plain linear probe goes by [N, D]: the last features alone, at 224 pixels."""
    kept = _folder() / f"{name}-{network}-plain.npz"
    if not kept.exists():
        base = backbone.resolve(network, weights)
        bare = backbone.headless(backbone.bare(network))
        # What is embedded by holds the bare network, with its weights, and adds to it.
        bare.load_state_dict(getattr(base.module, "network", base.module).state_dict())
        smaller = replace(base, module=bare, input_size=224, dim=backbone.embedding_dim(bare, 224))
        embedder = Embedder(export.backbone_onnx(smaller))
        folder = datasets / name
        paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in common.SUFFIXES)
        parts = []
        for start in range(0, len(paths), _BATCH):
            datas = [path.read_bytes() for path in paths[start : start + _BATCH]]
            parts.append(embedder.embed(np.stack([*load_many(datas, 224, 2)])))
        with tempfile.TemporaryFile() as file:
            np.savez(file, vectors=np.concatenate(parts))
            file.seek(0)
            _write(kept, file.read())
    vectors: npt.NDArray[np.float32] = np.load(kept)["vectors"]
    return vectors


def four_turns_backbone(name: str, weights: Path) -> bytes:
    """The exported backbone that orientation is learned on, kept beside the embeddings."""
    kept = _folder() / f"{name}-recognising.onnx"
    if not kept.exists():
        network = backbone.build(backbone.find(name, weights), recognition=True)
        _write(kept, export.backbone_onnx(network))
    return export.in_four_turns(kept.read_bytes(), plain=False)


def four_turns(
    name: str, datas: Sequence[bytes], weights: Path, network: str
) -> npt.NDArray[np.float32]:
    """Embed pictures in their four turns, [N, 4 * D]; `name` is what they are kept under."""
    kept = _folder() / f"{name}-{network}-four_turns.npz"
    if not kept.exists():
        embedder = Embedder(four_turns_backbone(network, weights))
        parts = []
        for start in range(0, len(datas), _BATCH):
            loaded = load_many(datas[start : start + _BATCH], embedder.size, 2)
            parts.append(embedder.embed(np.stack([np.asarray(one) for one in loaded])))
        with io.BytesIO() as file:
            np.savez(file, vectors=np.concatenate(parts))
            _write(kept, file.getvalue())
    vectors: npt.NDArray[np.float32] = np.load(kept)["vectors"]
    if len(vectors) != len(datas):
        raise SystemExit(f"{kept} was made of other pictures; remove it.")
    return vectors


def split(targets: npt.NDArray[np.int64], per_label: int, seed: int) -> npt.NDArray[np.bool_]:
    """Choose `per_label` pictures of each label for training: bool [N]."""
    random = np.random.default_rng(seed)
    training = np.zeros(len(targets), bool)
    for label in np.unique(targets):
        training[random.permutation(np.flatnonzero(targets == label))[:per_label]] = True
    return training


def _folder() -> Path:
    folder = Path(
        os.environ.get("COLABEL_BENCH_CACHE") or Path(tempfile.gettempdir()) / "colabel-embedded"
    )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)


def main() -> None:
    """Embed everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    arguments = parser.parse_args()
    wanted = [(name, view) for name in SETS for view in VIEWS]
    wanted += [(UPRIGHT_SET, view) for view in TURNS]
    for network in BACKBONES:
        for name, view in wanted:
            made = embeddings(arguments.datasets, name, arguments.weights, network, view)
            print(f"{name}, {network}, {view}: {made.vectors.shape}", flush=True)


if __name__ == "__main__":
    main()
