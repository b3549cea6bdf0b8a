"""How good a classifier gets, and how soon: head, fine-tuning, and what the system chooses.

    python benchmarks/bench_learning.py DATASETS WEIGHTS
    python benchmarks/bench_learning.py DATASETS WEIGHTS --fastai /path/to/python --out rows.jsonl

DATASETS holds one folder per set, with one folder of pictures per label; WEIGHTS the backbones'
state_dicts. Of each label 100 pictures, chosen by the seed, may be learned from; the rest is the
test. As in service, about 20 of these 100 are held out by their content: head and fine-tuning learn
from the others alone, and the choice between the two is made on the held-out ones. Next to them:

- probe: the plain linear probe: the network's last features at 224 pixels, on all 100;
- fastai: fine_tune with the same weights on all 100, at most --fastai-seconds, run by
  fastai_peer.py with the interpreter that --fastai names; left out without it.

Everything that is finished is written to --out, and a run that was interrupted goes on with the
rest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import embedded
import learning_report
import linear_probe
import numpy as np
import torch

from models import backbone, compare, finetune, fitting, views
from models.embed import Embedder
from models.heads import Head
from models.preprocess import load_many
from models.split import is_held_out

PEER = Path(__file__).with_name("fastai_peer.py")
PER_LABEL = 100
Row = dict[str, Any]


def accuracy(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the share of right answers."""
    return float((probabilities.argmax(axis=1) == targets).mean())


@torch.inference_mode()
def answers(tuned: finetune.Tuned, pictures: np.ndarray) -> np.ndarray:
    """Return probabilities [N, K] of the fine-tuned network."""
    mean = torch.tensor(tuned.backbone.mean).view(1, 3, 1, 1)
    std = torch.tensor(tuned.backbone.std).view(1, 3, 1, 1)
    parts = []
    for start in range(0, len(pictures), 32):
        planes = torch.from_numpy(pictures[start : start + 32]).permute(0, 3, 1, 2).float() / 255
        parts.append(tuned.backbone.module((planes - mean) / std).numpy())
    return tuned.head.predict(np.concatenate(parts))


class Task:
    """One set, seed and backbone."""

    def __init__(self, arguments: argparse.Namespace, name: str, seed: int, network: str) -> None:
        self.arguments, self.name, self.seed, self.network = arguments, name, seed, network
        self.weights: Path = arguments.weights
        self.of = {
            view: embedded.embeddings(arguments.datasets, name, arguments.weights, network, view)
            for view in embedded.VIEWS
        }
        whole = self.of["whole"]
        self.paths, self.targets, self.labels = whole.paths, whole.targets, whole.labels
        self.all = np.flatnonzero(embedded.split(self.targets, PER_LABEL, seed))
        self.test = np.flatnonzero(~embedded.split(self.targets, PER_LABEL, seed))
        aside = np.array([is_held_out(_sha256(self.paths[row])) for row in self.all])
        self.held, self.train = self.all[aside], self.all[~aside]

    def vectors(self, rows: np.ndarray, view: str = "whole") -> np.ndarray:
        """Return the frozen embeddings of these pictures."""
        return self.of[view].vectors[rows]

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """Return decoded pictures uint8 [N, S, S, 3]."""
        size = 256
        loaded = load_many([self.paths[row].read_bytes() for row in rows], size, 2)
        return np.stack([np.asarray(picture) for picture in loaded])

    def probe(self) -> float:
        """Return the accuracy of the plain probe."""
        vectors = embedded.plain(self.arguments.datasets, self.name, self.weights, self.network)
        fitted = linear_probe.plain_probe().fit(vectors[self.all], self.targets[self.all])
        return float(fitted.score(vectors[self.test], self.targets[self.test]))

    def seconds_to_live(self) -> float:
        """Return how long it takes to read and embed the pictures and fit a first head to them."""
        embedder = Embedder(embedded.onnx_backbone(self.network, self.arguments.weights))
        embedder.embed(np.zeros((1, embedder.size, embedder.size, 3), np.uint8))
        start = time.monotonic()
        vectors = embedder.embed(self.pictures(self.train))
        fitting.fit(vectors, self.targets[self.train], None, self.labels)
        return time.monotonic() - start

    def heads(self) -> tuple[Head, Head, bool, float]:
        """Return the heads of the first and the second training, and whether mirror images teach.

        The first model, which somebody waits for, learns whole pictures alone; from the second on,
        mirror images too where they mean the same. Last come the seconds for both.
        """
        whole, images = self.vectors(self.train), self.vectors(self.train, "mirror")
        targets, start = self.targets[self.train], time.monotonic()
        first = fitting.fit(whole, targets, None, self.labels)
        found = views.mirroring(whole, images, targets, self.labels, first.strength)
        second = views.fit(whole, images if found.allowed else None, targets, self.labels)
        return first.head, second.head, found.allowed, time.monotonic() - start

    def run(self) -> Row:
        """Return everything about it."""
        truth, held_truth = self.targets[self.test], self.targets[self.held]
        first_head, head, mirrored, head_seconds = self.heads()
        pictures = self.pictures(self.train)
        start = time.monotonic()
        tuned = finetune.tune(
            pictures,
            self.targets[self.train],
            self.labels,
            backbone.resolve(self.network, self.arguments.weights),
            vectors=self.vectors(self.train),
            mirrored=self.vectors(self.train, "mirror") if mirrored else None,
            settings=finetune.Settings(
                seconds=self.arguments.seconds, flips=mirrored, seed=self.seed
            ),
            progress=_told,
        )
        tuned_seconds = time.monotonic() - start
        head_test = head.predict(self.vectors(self.test))
        tuned_test = answers(tuned, self.pictures(self.test))
        found = compare.compare(
            head.predict(self.vectors(self.held)),
            answers(tuned, self.pictures(self.held)),
            held_truth,
        )
        take_tuned = found.outcome == "better"
        row: Row = {
            "set": self.name,
            "seed": self.seed,
            "backbone": self.network,
            "tested": len(self.test),
            "held_out": len(self.held),
            "probe": self.probe(),
            "first_head": accuracy(first_head.predict(self.vectors(self.test)), truth),
            "head": accuracy(head_test, truth),
            "tuned": accuracy(tuned_test, truth),
            "chosen": accuracy(tuned_test if take_tuned else head_test, truth),
            "choice": "tuned" if take_tuned else "head",
            "p": found.p_better,
            "why": found.sentence,
            "mirrored": mirrored,
            "live_seconds": self.seconds_to_live(),
            "head_seconds": head_seconds,
            "tuned_seconds": tuned_seconds,
            "epochs": tuned.epochs,
            "plan": repr(tuned.plan),
            "share": tuned.share,
            "load": round(os.getloadavg()[0], 1),
        }
        return row

    def fastai(self) -> Row:
        """Return what fastai's interpreter printed, and the load of the machine then."""
        with tempfile.TemporaryDirectory(prefix="colabel-learning-") as folder:
            for side, rows in (("train", self.all), ("test", self.test)):
                for row in rows:
                    path = self.paths[row]
                    place = Path(folder) / side / path.parent.name
                    place.mkdir(parents=True, exist_ok=True)
                    (place / path.name).symlink_to(path.resolve())
            command = [
                str(self.arguments.fastai),
                str(PEER),
                f"{folder}/train",
                f"{folder}/test",
                "--weights",
                str((self.arguments.weights / f"{self.network}.pth").resolve()),
                "--network",
                self.network,
                "--seconds",
                str(self.arguments.fastai_seconds),
                "--seed",
                str(self.seed),
            ]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        answer: Row = json.loads(done.stdout.strip().splitlines()[-1])
        told = {f"fastai_{key}": value for key, value in answer.items()}
        return told | {"fastai_load": round(os.getloadavg()[0], 1)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _told(progress: finetune.Progress) -> None:
    if sys.stderr.isatty():
        print(f"\r{progress.message}, {progress.seconds_left:.0f} s left ", end="", file=sys.stderr)


def kept(out: Path | None) -> dict[tuple[str, int, str], Row]:
    """Return the rows of earlier runs, by set, seed and backbone."""
    if out is None or not out.exists():
        return {}
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    return {(row["set"], row["seed"], row["backbone"]): row for row in rows}


def tell(row: Row, rows: dict[tuple[str, int, str], Row], out: Path | None) -> None:
    """Print a row, and write those that have something to `out`."""
    print(json.dumps(row), flush=True)
    if out:
        out.write_text("".join(json.dumps(one) + "\n" for one in rows.values() if one))


def main() -> None:
    """Run what is not in --out yet; print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--sets", nargs="+", default=embedded.SETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--backbones", nargs="+", default=embedded.BACKBONES)
    parser.add_argument("--seconds", type=float, default=240, help="for fine-tuning")
    parser.add_argument("--fastai", type=Path, help="a Python that has fastai")
    parser.add_argument("--fastai-seconds", type=float, default=300)
    parser.add_argument("--out", type=Path, help="a file of JSON lines")
    arguments = parser.parse_args()
    common.warn_if_busy()
    print(common.machine())
    rows = kept(arguments.out)
    for network in reversed(arguments.backbones):
        for seed in arguments.seeds:
            for name in arguments.sets:
                row = rows.setdefault((name, seed, network), {})
                if "chosen" not in row:
                    row |= Task(arguments, name, seed, network).run()
                    tell(row, rows, arguments.out)
                if arguments.fastai and "fastai_accuracy" not in row:
                    row |= Task(arguments, name, seed, network).fastai()
                    tell(row, rows, arguments.out)
    print(learning_report.report(list(rows.values())))


if __name__ == "__main__":
    main()
