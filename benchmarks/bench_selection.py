"""What to label next, wrong labels, look-alikes, near-duplicates, drift: on real pictures.

    python benchmarks/bench_selection.py DATASETS_DIR WEIGHTS_DIR [--only next wrong copies]

next    accuracy after 20, 50 and 100 labels (20 to begin with, then 10 at a time) on three tenths
        of each set held aside, chosen by models.selection and at random
wrong   5 % of the labels changed at random: precision and recall of models.noise, and how many
        suspects there are with the labels as they came
groups  share of pictures that are of their group's most frequent label, in all groups and in those
        that come first and hold half of the pictures
copies  pictures that are found again after a change, and pictures of the set itself that are merged
drift   alarms in looks at 200 pictures when nothing changed, and when some are of other things
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from pathlib import Path

import common
import numpy as np
import numpy.typing as npt
from embedded import (
    BACKBONES,
    SETS,
    UPRIGHT_SET,
    Embedded,
    embeddings,
    onnx_backbone,
)
from PIL import Image, ImageEnhance

from models.drift import drift
from models.duplicates import near_duplicates, thumbnail
from models.embed import Embedder
from models.fitting import fit
from models.lookalikes import lookalikes
from models.noise import find_noise
from models.preprocess import decode, load
from models.selection import choose

Ints = npt.NDArray[np.int64]
Row = tuple[object, ...]
STEPS = (20, 50, 100)
COPIES = 60


def next_rows(data: Embedded, arguments: argparse.Namespace) -> list[Row]:
    """Accuracy at each step, chosen and at random."""
    curves = [
        [_curve(data, seed, chosen) for seed in range(arguments.seeds)] for chosen in (True, False)
    ]
    both = 100 * np.array(curves).mean(axis=1)
    return [tuple(f"{ours:.1f} ({chance:.1f})" for ours, chance in both.T)]


def _curve(data: Embedded, seed: int, chosen: bool) -> list[float]:
    random = np.random.default_rng(seed)
    order = random.permutation(len(data.targets))
    aside, pool = np.split(order, [len(order) * 3 // 10])
    rows, truth = data.vectors[pool], data.targets[pool]
    labelled: list[int] = []
    accuracies, head, known = [], None, np.empty(0, np.int64)
    while len(labelled) < STEPS[-1]:
        free = np.setdiff1d(np.arange(len(pool)), labelled)
        number = 10 if labelled else STEPS[0]
        if chosen:
            told = {} if head is None else {"probabilities": head.predict(rows[free])}
            names = [str(k) for k in known]
            picked = choose(
                rows[free], number, labels=names, labelled=rows[labelled], seed=seed, **told
            )
            labelled += [int(free[choice.index]) for choice in picked]
        else:
            labelled += random.choice(free, number, replace=False).tolist()
        sizes = np.bincount(truth[labelled], minlength=len(data.labels))
        known = np.flatnonzero(sizes >= 2)
        used = [i for i in labelled if sizes[truth[i]] >= 2]
        targets = np.searchsorted(known, truth[used])
        head = fit(rows[used], targets, None, [str(k) for k in known]).head
        if len(labelled) in STEPS:
            answers = known[head.predict(data.vectors[aside]).argmax(axis=1)]
            accuracies.append(float((answers == data.targets[aside]).mean()))
    return accuracies


def wrong_rows(data: Embedded, arguments: argparse.Namespace) -> list[Row]:
    """Suspects as it came; precision, recall, right suggestions, estimated share after flips."""
    clean = find_noise(
        fit(data.vectors, data.targets, None, data.labels).out_of_fold, data.targets, data.labels
    )
    found = []
    for seed in range(arguments.seeds):
        random = np.random.default_rng(seed)
        total, labels = len(data.targets), len(data.labels)
        flipped = random.choice(total, round(0.05 * total), replace=False)
        given = data.targets.copy()
        given[flipped] = (given[flipped] + random.integers(1, labels, len(flipped))) % labels
        fitted = fit(data.vectors, given, None, data.labels, seed=seed)
        noise = find_noise(fitted.out_of_fold, given, data.labels)
        hits = [one for one in noise.suspects if given[one.index] != data.targets[one.index]]
        right = np.mean([one.suggested == data.targets[one.index] for one in hits])
        precision = len(hits) / max(1, len(noise.suspects))
        found.append((precision, len(hits) / len(flipped), float(right), noise.share))
    shown = (f"{100 * value:.1f}" for value in np.mean(found, axis=0))
    return [(f"{len(clean.suspects)} of {len(data.targets)}", *shown)]


def groups_rows(data: Embedded, arguments: argparse.Namespace) -> list[Row]:
    """Number of groups, purity in %, purity of the first half."""
    groups = lookalikes(data.vectors)
    sizes = np.array([len(group.members) for group in groups])
    pure = np.array([np.bincount(data.targets[list(g.members)]).max() for g in groups])
    half = int(np.searchsorted(np.cumsum(sizes), len(data.targets) / 2)) + 1
    shares = (pure.sum() / sizes.sum(), pure[:half].sum() / sizes[:half].sum())
    return [(len(groups), *(f"{100 * share:.1f}" for share in shares))]


def copies_rows(data: Embedded, arguments: argparse.Namespace) -> list[Row]:
    """Pictures merged within the set, and share of changed copies found, by change."""
    small = np.stack([_thumb(decode(path.read_bytes())) for path in data.paths])
    groups = near_duplicates(data.vectors, small)
    merged = len(groups) - len(np.unique(groups))
    embedder = Embedder(onnx_backbone(arguments.network, arguments.weights))
    chosen = np.random.default_rng(0).choice(len(small), COPIES, replace=False)
    originals = [decode(data.paths[i].read_bytes()) for i in chosen]
    found = []
    for change in CHANGES.values():
        files = [_saved(change(picture)) for picture in originals]
        pictures = np.stack([load(file, embedder.size) for file in files])
        vectors = np.concatenate([data.vectors, embedder.embed(pictures)])
        thumbs = np.concatenate([small, [_thumb(decode(file)) for file in files]])
        groups = near_duplicates(vectors, thumbs)
        found.append(float((groups[chosen] == groups[len(small) :]).mean()))
    return [(f"{merged} of {len(small)}", *(f"{100 * share:.0f}" for share in found))]


def drift_rows(data: Embedded, arguments: argparse.Namespace) -> list[Row]:
    """Share of alarms by share of foreign pictures among 200 after 400, in 20 looks."""
    place = (arguments.datasets, UPRIGHT_SET, arguments.weights, arguments.network, "whole")
    far = embeddings(*place).vectors
    alarms = []
    for share in DRIFTED:
        hits = 0
        for look in range(20):
            random = np.random.default_rng(look)
            order = random.permutation(len(data.vectors))
            window = min(200, len(order) // 3)
            foreign = round(share * window)
            now = [
                data.vectors[order[: window - foreign]],
                far[random.permutation(len(far))[:foreign]],
            ]
            before = data.vectors[order[window : 3 * window]]
            hits += bool(drift(before, np.concatenate(now), seed=look).drifted)
        alarms.append(f"{hits} of 20")
    return [tuple(alarms)]


def _cropped(picture: Image.Image, share: float) -> Image.Image:
    x, y = (round(side * share / 2) for side in picture.size)
    return picture.crop((x, y, picture.width - x, picture.height - y))


def _saved(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=60)
    return file.getvalue()


def _thumb(picture: Image.Image) -> npt.NDArray[np.uint8]:
    return thumbnail(np.asarray(picture))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved again": lambda picture: picture,
    "half size": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "brighter 20 %": lambda picture: ImageEnhance.Brightness(picture).enhance(1.2),
    "cropped 2 %": lambda picture: _cropped(picture, 0.02),
    "cropped 5 %": lambda picture: _cropped(picture, 0.05),
}
DRIFTED = (0.0, 0.1, 0.2, 0.4)
PARTS: dict[str, tuple[Callable[[Embedded, argparse.Namespace], list[Row]], tuple[str, ...]]] = {
    "next": (next_rows, tuple(f"{step} labels (at random)" for step in STEPS)),
    "wrong": (
        wrong_rows,
        ("suspects as it came", "precision", "recall", "right suggestion", "estimated share"),
    ),
    "groups": (groups_rows, ("groups", "purity", "of the first half")),
    "copies": (copies_rows, ("merged in the set", *CHANGES)),
    "drift": (drift_rows, tuple(f"{100 * share:.0f} % foreign" for share in DRIFTED)),
}


def main() -> None:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print(common.machine())
    for part in arguments.only:
        measure, header = PARTS[part]
        rows = []
        for arguments.network in BACKBONES:
            for name in arguments.sets:
                place = (arguments.datasets, name, arguments.weights, arguments.network, "whole")
                for row in measure(embeddings(*place), arguments):
                    rows.append((f"{name}, {arguments.network}", *row))
                    print(part, *rows[-1], file=sys.stderr, flush=True)
        print(f"\n{common.table((f'{part}: set, backbone', *header), rows)}", flush=True)


if __name__ == "__main__":
    main()
