"""What a pretrained network is worth on a few pictures: a linear probe on each, and its price.

    python benchmarks/bench_backbone.py DATASETS WEIGHTS
    python benchmarks/bench_backbone.py DATASETS WEIGHTS --own run1/colabel_small.pth --no-scratch

DATASETS holds one folder per set, with one folder of pictures per label, and `photos`, which are
all upright; WEIGHTS the state_dicts of the networks to compare with. Of each label 100 pictures,
chosen by the seed, are learned from, and the rest is the test; of the photos 100 are, and 300
others the test of which way is up. What is probed is what the service embeds by, and the head is
the service's own, without the fine-tuning that may follow.

The first line is the architecture of colabel_small without its weights: all of it trained on the
same 100 pictures a label for --scratch-seconds, many times what a probe takes. The last column is
one picture's embedding on one core, all networks in turn; the ratio is to mobilenet_v2. --own
names weights to use instead of those in the box.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import common
import numpy as np
import numpy.typing as npt
import torch
from embedded import SETS, UPRIGHT_SET, split
from torch.nn import functional

from models import backbone, colabel_small, export, fitting, orientation
from models.dataset import PictureSet
from models.download import Source, boxed
from models.embed import Embedder
from models.preprocess import load_many
from models.pretrain.course import normalised
from models.schedule import one_cycle

PER_LABEL, TEST_PHOTOS = 100, 300
PEERS = ("squeezenet1_1", "mobilenet_v2")
_BATCH, _RATE, _SMOOTHING = 32, 4e-3, 0.05

Vectors = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Pictures = npt.NDArray[np.uint8]


class Set:
    """One data set: files and targets [N] (photos: all 0)."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in common.SUFFIXES)
        labels = sorted({path.parent.name for path in self.paths})
        self.labels = tuple(labels)
        self.targets = np.array([labels.index(p.parent.name) for p in self.paths], np.int64)

    def pictures(self, size: int) -> Pictures:
        """All of it, squashed: uint8 [N, size, size, 3]."""
        parts = []
        for start in range(0, len(self.paths), 64):
            datas = [path.read_bytes() for path in self.paths[start : start + 64]]
            parts.append(np.stack([np.asarray(one) for one in load_many(datas, size, 2)]))
        return np.concatenate(parts)

    def training(self, seed: int) -> tuple[Ints, Ints]:
        """Rows to learn from and rows to test on."""
        if self.name == UPRIGHT_SET:
            order = np.random.default_rng(seed).permutation(len(self.paths))
            return order[:PER_LABEL], order[PER_LABEL : PER_LABEL + TEST_PHOTOS]
        chosen = split(self.targets, PER_LABEL, seed)
        return np.flatnonzero(chosen), np.flatnonzero(~chosen)


class Network:
    """A pretrained network, exported as the service does."""

    def __init__(self, name: str, source: Source) -> None:
        self.name, self._source = name, source

    @cache  # noqa: B019 - as many as there are lines in the table
    def onnx(self, turns: bool) -> bytes:
        """Whole pictures, or their four turns."""
        made = export.backbone_onnx(backbone.build(self._source, recognition=turns))
        return export.in_four_turns(made, plain=False) if turns else made

    def accuracies(self, data: Set, seeds: int) -> list[float]:
        """Shares of right answers, one a seed."""
        turns = data.name == UPRIGHT_SET
        embedder = Embedder(self.onnx(turns))
        vectors = embedder.embed(data.pictures(embedder.size))
        found = []
        for seed in range(seeds):
            train, test = data.training(seed)
            targets = data.targets[train]
            if turns:
                known = embedder.card.recognition
                fit = orientation.fit(vectors[train], targets, recognition=known, seed=seed)
            else:
                fit = fitting.fit(vectors[train], targets, None, data.labels, seed=seed)
            answers = fit.head.predict(vectors[test]).argmax(axis=1)
            found.append(float((answers == data.targets[test]).mean()))
        return found


def from_scratch(data: Set, seeds: int, seconds: float) -> list[float]:
    """The same of colabel_small's architecture, trained on nothing but the pictures at hand."""
    pictures = data.pictures(colabel_small.INPUT_SIZE)
    found = []
    for seed in range(seeds):
        train, test = data.training(seed)
        turns = data.name == UPRIGHT_SET
        network = _optimised(pictures[train], data.targets[train], turns, seconds, seed)
        planes = torch.from_numpy(pictures[test]).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            parts = [_scores(network.eval(), one, turns) for one in torch.split(planes, 64)]
        answers = torch.cat(parts).argmax(1).numpy()
        found.append(float((answers == data.targets[test]).mean()))
    return found


def _optimised(
    pictures: Pictures, targets: Ints, turns: bool, seconds: float, seed: int
) -> colabel_small.ColabelSmall:
    torch.manual_seed(seed)
    network = colabel_small.ColabelSmall(1 if turns else int(targets.max()) + 1)
    network = network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=0.05)
    data = PictureSet(pictures, targets)
    generator, start = torch.Generator().manual_seed(seed), time.monotonic()
    while (share := (time.monotonic() - start) / seconds) < 1:
        for planes, truth in data.batches(_BATCH // (4 if turns else 1), generator, augment=True):
            for group in optimiser.param_groups:
                group["lr"] = _RATE * one_cycle(share)
            optimiser.zero_grad(set_to_none=True)
            scores = _scores(network, planes, turns)
            functional.cross_entropy(scores, truth, label_smoothing=_SMOOTHING).backward()
            optimiser.step()
            share = (time.monotonic() - start) / seconds
            if share >= 1:
                break
    return network


def _scores(network: colabel_small.ColabelSmall, planes: torch.Tensor, turns: bool) -> torch.Tensor:
    """Logits of the labels, or one score for each of a picture's turns, the first as it is."""
    if not turns:
        return network(normalised(planes))
    turned = torch.cat([torch.rot90(planes, n, (2, 3)) for n in range(4)])
    return network(normalised(turned)).view(4, -1).T


def milliseconds(networks: list[Network], rounds: int = 7) -> list[float]:
    """One picture's embedding on one core: medians over rounds in which all take turns."""
    noise = np.random.default_rng(0)
    runs: list[tuple[Callable[[], object], list[float]]] = []
    for network in networks:
        single = Embedder(network.onnx(False), threads=1, providers=["CPUExecutionProvider"])
        pictures = noise.integers(0, 256, (16, single.size, single.size, 3), np.uint8)
        runs.append((partial(single.embed, pictures), []))
    for _ in range(rounds + 1):
        for run, times in runs:
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) / 16)
    return [1000 * float(np.median(times[1:])) for _, times in runs]


def shown(accuracies: list[float]) -> str:
    """Mean and deviation over seeds, in %."""
    values = 100 * np.array(accuracies)
    return f"{values.mean():.1f} ± {values.std():.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--own", type=Path, nargs="*", default=[])
    parser.add_argument("--no-scratch", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--scratch-seconds", type=float, default=60.0)
    asked = parser.parse_args()
    print(common.machine())
    sets = [Set(asked.datasets / name) for name in (*SETS, UPRIGHT_SET)]
    own = [replace(boxed(), path=path, sha256=path.parent.name) for path in asked.own]
    networks = [Network(one.path.parent.name, one) for one in own] or [
        Network(colabel_small.NAME, boxed())
    ]
    if not asked.no_peers:
        networks += [Network(name, backbone.find(name, asked.weights)) for name in PEERS]
    rows: list[list[object]] = []
    if not asked.no_scratch:
        cells = [shown(from_scratch(one, asked.seeds, asked.scratch_seconds)) for one in sets]
        rows.append(["from scratch", *cells, "", ""])
    for network, spent in zip(networks, milliseconds(networks), strict=True):
        cells = [shown(network.accuracies(one, asked.seeds)) for one in sets]
        rows.append([network.name, *cells, f"{spent:.1f}", spent])
        print(network.name, *cells, flush=True)
    last = rows[-1][-1]
    for line in rows:
        line[-1] = f"{line[-1] / last:.2f}" if isinstance(line[-1], float) else ""
    print(common.table(["% right", *(one.name for one in sets), "ms", "of the last"], rows))


if __name__ == "__main__":
    main()
