"""None of these: is a picture of a label that nobody taught told from those of known labels?

    python benchmarks/bench_unlike.py DATASETS_DIR WEIGHTS_DIR

Of each set one label at a time is left out; 100 pictures of each other label are training
pictures, the rest are known test pictures. AUROC of the score between known test pictures and
(near) those of the label left out, (far) the set "photos" of other things altogether; next to the
maximum softmax probability of a head fitted to the same pictures, which a set of two labels does
not have once one is left out. Then the shares flagged at the default threshold. Means over labels
and seeds. At the end seconds of processor time and bytes with 1,000 and 10,000 made-up pictures.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import common
import numpy as np
import numpy.typing as npt
from embedded import BACKBONES, SETS, UPRIGHT_SET, Embedded, embeddings, split
from scipy.stats import rankdata

from models.fitting import fit
from models.unlike import SHARE, Unlike

Floats = npt.NDArray[np.float64]
DIM = 1472


def auroc(known: Floats, foreign: Floats) -> float:
    """Chance that a foreign picture scores above a known one."""
    ranks = rankdata(np.concatenate([known, foreign]))[len(known) :]
    return float((ranks.sum() - len(foreign) * (len(foreign) + 1) / 2) / len(known) / len(foreign))


def without(
    data: Embedded,
    far: npt.NDArray[np.float32],
    left: int,
    arguments: argparse.Namespace,
    seed: int,
) -> list[float]:
    """AUROC near and far, of softmax near and far, and shares flagged: known, near, far; in %."""
    training, stays = split(data.targets, arguments.per_label, seed), data.targets != left
    rows, targets = data.vectors[training & stays], data.targets[training & stays]
    targets = targets - (targets > left)
    three = (data.vectors[~training & stays], data.vectors[~stays], far)
    unlike = Unlike.fit(rows, targets, seed=seed)
    known, near, other = (unlike.score(some) for some in three)
    result = [auroc(known, near), auroc(known, other), np.nan, np.nan]
    if targets.max() > 0:
        head = fit(rows, targets, None, [str(k) for k in range(targets.max() + 1)]).head
        known, near, other = (-head.predict(some).max(axis=1) for some in three)
        result[2:] = [auroc(known, near), auroc(known, other)]
    return [100 * value for value in [*result, *(float(unlike.flags(s).mean()) for s in three)]]


def cost(count: int) -> tuple[object, ...]:
    """Processor seconds to fit, milliseconds for 32 pictures (best of 10), and kilobytes."""
    random = np.random.default_rng(0)
    rows = np.abs(random.normal(size=(count, DIM))).astype(np.float32)
    targets = random.integers(0, 10, count)
    started = time.process_time()
    unlike = Unlike.fit(rows, targets)
    fitted = time.process_time() - started
    best = np.inf
    for _ in range(10):
        started = time.process_time()
        unlike.p_values(rows[:32])
        best = min(best, time.process_time() - started)
    return f"{count:,} pictures", fitted, 1000 * best, len(unlike.to_bytes()) // 1000


def main() -> None:
    """Leave every label of every set out; print means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--per-label", type=int, default=100)
    arguments = parser.parse_args()
    common.warn_if_busy()
    print(common.machine())
    rows = []
    for network in BACKBONES:
        here = (arguments.datasets, arguments.weights)
        far = embeddings(here[0], UPRIGHT_SET, here[1], network, "whole").vectors
        for name in arguments.sets:
            data = embeddings(here[0], name, here[1], network, "whole")
            found = [
                without(data, far, left, arguments, seed)
                for seed in range(arguments.seeds)
                for left in range(len(data.labels))
            ]
            means = np.mean(found, axis=0)
            shown = ("-" if np.isnan(value) else f"{value:.1f}" for value in means)
            rows.append((f"{name}, {network}", *shown))
            print(*rows[-1], file=sys.stderr, flush=True)
    print(f"{arguments.per_label} pictures a label, {arguments.seeds} seeds; all in %\n")
    scores = ("near AUROC", "far AUROC", "softmax near", "softmax far")
    flags = (f"known flagged (at most {100 * SHARE:g})", "near flagged", "far flagged")
    print(common.table(("set, backbone", *scores, *flags), rows), end="\n\n")
    header = (f"D = {DIM}", "fit s", "32 pictures ms", "kB")
    print(common.table(header, [cost(1000), cost(10_000)]))


if __name__ == "__main__":
    main()
