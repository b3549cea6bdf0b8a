"""Which way is up: learned from upright pictures alone, and how far it can be trusted.

    python benchmarks/bench_orientation.py DATASETS_DIR WEIGHTS_DIR
    python benchmarks/bench_orientation.py DATASETS_DIR WEIGHTS_DIR --seeds 5 --only photos

Photos: of DATASETS_DIR/photos 100 train and 300 others are tested, chosen by the seed, next to the
plain conditional logit on the backbone's ordinary features. Pages: 100 drawn pages train and 300
others are tested, on each backbone and with a network from scratch. Answers are the same whichever
way a picture comes in, so a tested picture counts once and not four times; that this holds is
checked on turned files. The promise (at most so many of the automatic answers wrong, with 95 %
confidence) is proved on pictures that neither trained nor are counted: the photos that are left
and, where the line says so, the training photos as answered out of fold. In the last line of each
backbone 400 photos train and prove, out of fold, and the others are tested. "within 2 %" is what
could be answered, were the best threshold known: no promise.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from pathlib import Path

import common
import numpy as np
import numpy.typing as npt
from embedded import BACKBONES, TURNS, UPRIGHT_SET, embeddings, four_turns, four_turns_backbone
from PIL import Image
from scipy.stats import binom

from connector.demo.pages import KINDS, make_page
from models import export, orientation, scratch
from models.embed import Embedder
from models.preprocess import load, load_many

TRAIN, TEST, PAGES_TO_CALIBRATE, MANY = 100, 300, 300, 400
PROMISES = (0.02, 0.05, 0.1)
CONFIDENCE = 0.95
_TURNS = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """Accuracy, and for each promise the share of tested pictures answered and their error."""

    accuracy: float
    within: float
    coverage: tuple[float, ...]
    error: tuple[float, ...]


def promised(confidence: Floats, right: npt.NDArray[np.bool_], error: float) -> float:
    """The lowest confidence that keeps a promise: fixed-sequence testing of exact binomial tails.

    Angelopoulos et al. 2021, "Learn then Test". Thresholds are tried from high to low, beginning
    with the first that enough pictures exceed to prove anything, up to the first that fails.
    Infinity when none holds.
    """
    kept = np.inf
    for threshold in np.linspace(1, 0, 501):
        above = confidence >= threshold
        count, wrong = int(above.sum()), int((above & ~right).sum())
        if (1 - error) ** count > 1 - CONFIDENCE:
            continue
        if binom.cdf(wrong, count, error) > 1 - CONFIDENCE:
            break
        kept = float(threshold)
    return kept


def largest_share(confidence: Floats, right: npt.NDArray[np.bool_], error: float) -> float:
    """The share that could be answered with this error, were the best threshold known."""
    order = np.argsort(-confidence)
    wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(wrong <= error)
    return float((good[-1] + 1) / len(order)) if len(good) else 0.0


def judge(answers: Floats, calibration: Floats) -> Outcome:
    """Score answers [N, 4] to upright pictures with thresholds from others, [M, 4]."""
    confidence, right = answers.max(1), answers.argmax(1) == 0
    coverage, errors = [], []
    for promise in PROMISES:
        threshold = promised(calibration.max(1), calibration.argmax(1) == 0, promise)
        kept = confidence >= threshold
        coverage.append(float(kept.mean()))
        errors.append(float((~right[kept]).mean()) if kept.any() else np.nan)
    within = largest_share(confidence, right, PROMISES[0])
    return Outcome(float(right.mean()), within, tuple(coverage), tuple(errors))


def recognition(weights: Path, network: str) -> int:
    """How many first values of each turn say how surely the network recognises something."""
    return Embedder(four_turns_backbone(network, weights)).card.recognition


def upright(count: int) -> Ints:
    """Targets of upright pictures."""
    return np.zeros(count, np.int64)


def photos(datasets: Path, weights: Path, network: str, seeds: int) -> list[list[object]]:
    """Rows of the table for one backbone."""
    sets = [embeddings(datasets, UPRIGHT_SET, weights, network, turn) for turn in TURNS]
    paths = sets[0].paths
    plain = np.stack([one.vectors for one in sets], axis=1).reshape(len(paths), -1)
    ours = four_turns(UPRIGHT_SET, [path.read_bytes() for path in paths], weights, network)
    known = recognition(weights, network)
    names = ("plain", "ours", "ours, out of fold too", f"ours, {MANY} train")
    found: dict[str, list[Outcome]] = {name: [] for name in names}
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(paths))
        train, test, rest = np.split(order, (TRAIN, TRAIN + TEST))
        for name, vectors, first in (("plain", plain, 0), ("ours", ours, known)):
            fit = orientation.fit(vectors[train], upright(TRAIN), recognition=first)
            tested, calibration = fit.head.predict(vectors[test]), fit.head.predict(vectors[rest])
            found[name].append(judge(tested, calibration))
        both = np.concatenate([calibration, fit.out_of_fold])
        found["ours, out of fold too"].append(judge(tested, both))
        fit = orientation.fit(ours[order[:MANY]], upright(MANY), recognition=known)
        many = judge(fit.head.predict(ours[order[MANY:]]), fit.out_of_fold)
        found[f"ours, {MANY} train"].append(many)
    return [row(f"photos, {network}, {name}", outcomes) for name, outcomes in found.items()]


@cache
def pages(tag: str, count: int) -> list[bytes]:
    """Draw upright pages of all kinds."""
    kinds = islice(cycle(KINDS), count)
    return [make_page("page", kind, "upright", f"{tag} {i}").data for i, kind in enumerate(kinds)]


def pages_on_backbone(weights: Path, network: str, seeds: int) -> list[object]:
    """A row of the table: the same pages for each seed, others of them to train on."""
    vectors = [
        four_turns(f"pages-{tag}-{count}", pages(tag, count), weights, network)
        for tag, count in (("train", seeds * TRAIN), ("rest", PAGES_TO_CALIBRATE + TEST))
    ]
    known = recognition(weights, network)
    outcomes = []
    for seed in range(seeds):
        own = vectors[0][seed * TRAIN : (seed + 1) * TRAIN]
        head = orientation.fit(own, upright(TRAIN), recognition=known).head
        answers = head.predict(vectors[1])
        outcomes.append(judge(answers[PAGES_TO_CALIBRATE:], answers[:PAGES_TO_CALIBRATE]))
    return row(f"pages, {network}", outcomes)


def pages_from_scratch(seeds: int) -> list[object]:
    """A row of the table, and the seconds that a training took."""
    others = squares(pages("rest", PAGES_TO_CALIBRATE + TEST), scratch.INPUT_SIZE)
    outcomes, seconds = [], []
    for seed in range(seeds):
        own = pages("train", seeds * TRAIN)[seed * TRAIN : (seed + 1) * TRAIN]
        start = time.monotonic()
        made = scratch.train_upright(
            squares(own, scratch.INPUT_SIZE), upright(TRAIN), seed=seed, seconds=600
        )
        seconds.append(time.monotonic() - start)
        turning = export.in_four_turns(export.backbone_onnx(made.backbone), plain=True)
        answers = made.head.predict(Embedder(turning).embed(others))
        outcomes.append(judge(answers[PAGES_TO_CALIBRATE:], answers[:PAGES_TO_CALIBRATE]))
    return row(f"pages, from scratch ({np.mean(seconds):.0f} s)", outcomes)


def squares(datas: Sequence[bytes], size: int) -> npt.NDArray[np.uint8]:
    """Decode and squash: uint8 [N, size, size, 3]."""
    return np.stack([np.asarray(one) for one in load_many(datas, size, 2)])


def row(name: str, outcomes: Sequence[Outcome]) -> list[object]:
    """One line of the table, means over seeds in %."""
    accuracy = np.array([one.accuracy for one in outcomes])
    cells: list[object] = [name, f"{100 * accuracy.mean():.1f} ± {100 * accuracy.std():.1f}"]
    cells.append(f"{100 * np.mean([one.within for one in outcomes]):.0f}")
    for i in range(len(PROMISES)):
        errors = [one.error[i] for one in outcomes if one.coverage[i]]
        shown = f" ({100 * np.mean(errors):.1f})" if errors else ""
        cells.append(f"{100 * np.mean([one.coverage[i] for one in outcomes]):.0f}{shown}")
    return cells


def turned_files(datasets: Path, weights: Path, network: str, count: int = 20) -> str:
    """Say how far the answers to files turned in full size differ, which resizing alone causes."""
    embedder = Embedder(four_turns_backbone(network, weights))
    paths = sorted((datasets / UPRIGHT_SET).rglob("*.jpg"))
    ours = four_turns(UPRIGHT_SET, [path.read_bytes() for path in paths], weights, network)
    known = embedder.card.recognition
    fit = orientation.fit(ours[-TRAIN:], upright(TRAIN), recognition=known)
    worst, same = 0.0, 0
    for path in paths[:count]:
        answers = fit.head.predict(embedder.embed(_in_all_positions(path, embedder.size)))
        back = np.stack([np.roll(answers[n], -n) for n in range(4)])
        worst = max(worst, float(np.abs(back - back[0]).max()))
        same += int(len(set(back.argmax(1).tolist())) == 1)
    return f"turned files: {same} of {count} answered alike; largest difference {worst:.1g}"


def _in_all_positions(path: Path, size: int) -> npt.NDArray[np.uint8]:
    found = []
    with Image.open(path) as photo:
        for turn in _TURNS:
            out = io.BytesIO()
            (photo if turn is None else photo.transpose(turn)).save(out, "PNG")
            found.append(np.asarray(load(out.getvalue(), size)))
    return np.stack(found)


def speed(weights: Path, network: str) -> str:
    """Say what a picture costs, whole and in the four turns with their mirror images."""
    turning = Embedder(four_turns_backbone(network, weights))
    noise = np.random.default_rng(0).integers(0, 256, (16, turning.size, turning.size, 3), np.uint8)
    turning.embed(noise)
    start = time.monotonic()
    turning.embed(noise)
    return f"{1000 * (time.monotonic() - start) / len(noise):.0f} ms a picture"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--backbones", nargs="+", default=list(BACKBONES))
    parser.add_argument("--only", choices=("photos", "pages"))
    arguments = parser.parse_args()
    print(common.machine())
    rows: list[list[object]] = []
    for network in arguments.backbones:
        if arguments.only != "pages":
            rows += photos(arguments.datasets, arguments.weights, network, arguments.seeds)
            print(network, turned_files(arguments.datasets, arguments.weights, network), flush=True)
        if arguments.only != "photos":
            rows.append(pages_on_backbone(arguments.weights, network, arguments.seeds))
        print(network, speed(arguments.weights, network), flush=True)
    if arguments.only != "photos":
        rows.append(pages_from_scratch(arguments.seeds))
    promises = [f"promised {100 * promise:.0f} %" for promise in PROMISES]
    print(common.table(["%", "right", "within 2 %", *promises], rows))


if __name__ == "__main__":
    main()
