"""Do promised error rates hold on real pictures, and what do they automate?

    python benchmarks/bench_promise.py DATASETS_DIR WEIGHTS_DIR

For each set and backbone, 5 heads are trained on 100 pictures a label; each time what is left is
cut into a calibration and a test half, 10 times: 50 splits. "broken" is the share of splits in
which the test half's real error was above the promise. A test half is a sample too: a model whose
error is exactly what was promised would come out above it about every other time, so "beyond
noise" counts only those where an exact test at 5 % says that the error is above the promise (of
models exactly at the promise up to 5 % would be). "known truth" draws calibration pictures from
all that is left, with replacement, 40 times for each head: there the real error is known without
noise, so this share must be at most 5 %, as that is what is guaranteed: the chance that a promise
is made and broken. "of made" is the same share among the promises that were made; it may be larger
where few were, since those few were lucky. "automated" is the share of test pictures answered
automatically, "no promise" the share of splits where the evidence did not suffice. Per label, every
label of every split counts as one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import common
import embedded
import numpy as np
import numpy.typing as npt

from models.binomial import lower_bound
from models.fitting import fit
from models.promise import ErrorRate, ErrorRatePerLabel
from models.scored import Judged
from models.thresholds import Thresholds, choose, reached

ALPHAS = (0.01, 0.02, 0.05, 0.1)
HEADS, CUTS, DRAWS = 5, 10, 40
PER_LABEL = 100
NAIVE = 0.9

Policy = Callable[[float, Judged, Judged, tuple[str, ...]], Thresholds]


def promised(alpha: float, tuning: Judged, known: Judged, labels: tuple[str, ...]) -> Thresholds:
    """Return thresholds for one promise about all answers."""
    return choose(ErrorRate(alpha), labels, tuning, known)


def by_label(alpha: float, tuning: Judged, known: Judged, labels: tuple[str, ...]) -> Thresholds:
    """Return thresholds for a promise about each label's answers."""
    return choose(ErrorRatePerLabel(alpha), labels, tuning, known)


def naive(alpha: float, tuning: Judged, known: Judged, labels: tuple[str, ...]) -> Thresholds:
    """Return 0.9 whatever is asked for."""
    return dict.fromkeys(labels, NAIVE)


POLICIES: dict[str, Policy] = {"promise": promised, "per label": by_label, "naive 0.9": naive}


@dataclass(frozen=True)
class Trained:
    """A head's answers to its training pictures, out of fold, and to all others."""

    labels: tuple[str, ...]
    tuning: Judged
    others: Judged


@dataclass
class Tally:
    """Shares over splits; a promise of its own is one about all answers, or each label's."""

    automated: list[float] = field(default_factory=list)
    unpromised: list[bool] = field(default_factory=list)
    broken: list[bool] = field(default_factory=list)
    beyond: list[bool] = field(default_factory=list)

    def count(
        self, alpha: float, test: Judged, labels: tuple[str, ...], found: Thresholds, each: bool
    ) -> None:
        """Add what these thresholds do to test pictures."""
        automatic = test.where(reached(test, labels, found))
        self.automated.append(len(automatic) / len(test))
        parts = {name: automatic.predicted == i for i, name in enumerate(labels)}
        if not each:
            parts = {labels[0]: np.ones(len(automatic), bool)}
        for name, part in parts.items():
            self.unpromised.append(found[name] is None)
            answered, wrong = int(part.sum()), int((~automatic.right[part]).sum())
            above = found[name] is not None and wrong > alpha * answered
            self.broken.append(above)
            self.beyond.append(above and lower_bound(wrong, answered) > alpha)


def train(arguments: argparse.Namespace, name: str, network: str) -> Iterator[Trained]:
    """Yield the heads of a set."""
    data = embedded.embeddings(arguments.datasets, name, arguments.weights, network, "whole")
    for seed in range(HEADS):
        training = embedded.split(data.targets, PER_LABEL, seed)
        targets = data.targets[training]
        found = fit(data.vectors[training], targets, None, data.labels, seed=seed)
        others = Judged.of(found.head.predict(data.vectors[~training]), data.targets[~training])
        yield Trained(data.labels, Judged.of(found.out_of_fold, found.targets), others)


def halves(count: int, seed: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which pictures calibrate, and which test."""
    calibrating = np.random.default_rng(seed).permutation(count) < count // 2
    return calibrating, ~calibrating


def split_rates(heads: list[Trained], policy: Policy, alpha: float, each: bool) -> Tally:
    """Judge thresholds from one half by the other half."""
    tally = Tally()
    for number, head in enumerate(heads):
        for cut in range(CUTS):
            known, test = halves(len(head.others), number * CUTS + cut)
            found = policy(alpha, head.tuning, head.others.where(known), head.labels)
            tally.count(alpha, head.others.where(test), head.labels, found, each)
    return tally


def drawn_rates(heads: list[Trained], policy: Policy, alpha: float, each: bool) -> Tally:
    """Judge thresholds from draws with replacement by all the pictures that were drawn from."""
    tally = Tally()
    random = np.random.default_rng(0)
    for head in heads:
        count = len(head.others)
        for _ in range(DRAWS):
            drawn = random.integers(0, count, count // 2)
            known = Judged(
                head.others.predicted[drawn],
                head.others.confidence[drawn],
                head.others.right[drawn],
            )
            found = policy(alpha, head.tuning, known, head.labels)
            tally.count(alpha, head.others, head.labels, found, each)
    return tally


def share(flags: list[bool], among: list[bool] | None = None) -> str:
    """Say how many of the flags are set, of those not in `among`."""
    counted = [f for i, f in enumerate(flags) if among is None or not among[i]]
    return f"{100 * np.mean(counted):.1f} %" if counted else "-"


def rows(heads: list[Trained], name: str, network: str) -> Iterator[list[object]]:
    """Yield a line of the table for each promise and way to choose thresholds."""
    for alpha in ALPHAS:
        for title, policy in POLICIES.items():
            each = title == "per label"
            split = split_rates(heads, policy, alpha, each)
            drawn = drawn_rates(heads, policy, alpha, each)
            yield [
                f"{name} {network}",
                f"{100 * alpha:g} %",
                title,
                f"{100 * np.mean(split.automated):.1f} %",
                share(split.unpromised),
                share(split.broken),
                share(split.beyond),
                share(drawn.broken),
                share(drawn.broken, drawn.unpromised),
            ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    arguments = parser.parse_args()
    print(common.machine())
    header = ["set", "promise", "thresholds", "automated", "no promise", "broken"]
    header += ["beyond noise", "known truth", "of made"]
    lines = []
    for network in embedded.BACKBONES:
        for name in embedded.SETS:
            lines += rows(list(train(arguments, name, network)), name, network)
            print(f"{name}, {network}: done", flush=True)
    print(common.table(header, lines))


if __name__ == "__main__":
    main()
