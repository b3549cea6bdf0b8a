"""Do the forecasts of what more pictures would do come true?

    python benchmarks/bench_forecast.py DATASETS_DIR WEIGHTS_DIR

For each set, backbone and seed: a forecast from 50 training pictures a label (fewer where a label
has fewer), then what really happens with as many again, and with more of one label alone, on the
pictures that are left. The real gain is that of one head on finitely many test pictures, so it
scatters about the gain that the interval is for: "within" counts the real gains inside the
interval, "within, with noise" those inside it when it is widened by 1.64 standard errors of the
real gain on its test pictures. "persistence" is the forecast that nothing changes.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import common
import embedded
import numpy as np
import numpy.typing as npt

from models import fitting, forecast

Bools = npt.NDArray[np.bool_]
SEEDS = range(3)
FROM = 50


class Case:
    """One set under one backbone, split for one seed."""

    def __init__(self, one: embedded.Embedded, seed: int) -> None:
        self.one, self.seed = one, seed
        self.few = embedded.split(one.targets, FROM, seed)
        self.twice = embedded.split(one.targets, 2 * FROM, seed)
        self.wrong_before = self.wrong(self.few)

    def wrong(self, training: Bools) -> Bools:
        """Which of the test pictures a head on `training` gets wrong."""
        one, test = self.one, ~self.twice
        fit = fitting.fit(one.vectors[training], one.targets[training], None, one.labels)
        self.strength = fit.strength
        return np.asarray(fit.head.predict(one.vectors[test]).argmax(1) != one.targets[test])

    def forecast(self) -> dict[str, Any]:
        """What the pictures that are there say of those to come."""
        vectors, targets = self.one.vectors[self.few], self.one.targets[self.few]
        strength = fitting.fit(vectors, targets, None, self.one.labels).strength
        return forecast.build(vectors, targets, self.one.labels, strength=strength, seed=self.seed)

    def real(self, training: Bools) -> tuple[float, float]:
        """Fall of the test error with `training` instead, and its standard error."""
        change = self.wrong_before.astype(float) - self.wrong(training)
        return float(change.mean()), float(change.std() / np.sqrt(len(change)))

    def with_more(self, label: int, more: int) -> Bools:
        """The training pictures and the next `more` of one label."""
        enlarged = embedded.split(self.one.targets, FROM + more, self.seed)
        return np.asarray(self.few | (enlarged & (self.one.targets == label)))


def within(gain: dict[str, float], real: float, error: float) -> tuple[bool, bool]:
    """Whether the interval holds the real gain: as it is, and widened by the test's noise."""
    noise = 1.645 * error
    return (
        gain["low"] <= real <= gain["high"],
        gain["low"] - noise <= real <= gain["high"] + noise,
    )


def shown(gain: dict[str, float]) -> str:
    """Points, as value [low, high]."""
    return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * gain[k] for k in ("value", "low", "high")))


def main() -> None:
    """Forecast, look, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--sets", nargs="+", default=embedded.SETS)
    parser.add_argument("--no-labels", action="store_true", help="leave single labels out")
    arguments = parser.parse_args()
    rows, by_verdict = [], defaultdict(list)
    misses, hits = [], []
    for name in arguments.sets:
        for network in embedded.BACKBONES:
            one = embedded.embeddings(arguments.datasets, name, arguments.weights, network, "whole")
            for seed in SEEDS:
                case = Case(one, seed)
                made = case.forecast()
                gain, (real, error) = made["as_many_again"]["gain"], case.real(case.twice)
                hits.append(within(gain, real, error))
                misses.append((abs(gain["value"] - real), abs(real)))
                before = f"{100 * case.wrong_before.mean():.1f}"
                rows.append((name, network, seed, before, shown(gain), f"{100 * real:.1f}"))
                for i, label in enumerate([] if arguments.no_labels else made["labels"]):
                    if label["gain"] is not None:
                        found = case.real(case.with_more(i, label["more"]))
                        by_verdict[label["verdict"]].append((label["gain"], *found))
    print(common.table(("set", "backbone", "seed", "error at 50", "forecast", "real gain"), rows))
    inside, noisy = np.mean(hits, axis=0)
    miss, nothing = 100 * np.mean(misses, axis=0)
    print(f"\n90 % intervals: {inside:.0%} within; {noisy:.0%} within, with noise ({len(hits)}).")
    print(f"Mean miss {miss:.2f} points; of persistence {nothing:.2f}.\n")
    print(
        common.table(
            ("verdict for a label", "n", "forecast", "real", "within", "noise"),
            [
                (
                    verdict,
                    len(found),
                    f"{100 * np.mean([gain['value'] for gain, _, _ in found]):.2f}",
                    f"{100 * np.mean([real for _, real, _ in found]):.2f}",
                    *(f"{share:.0%}" for share in np.mean([within(*one) for one in found], axis=0)),
                )
                for verdict, found in sorted(by_verdict.items())
            ],
        )
    )


if __name__ == "__main__":
    main()
