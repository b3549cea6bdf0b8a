"""What a count of right and wrong answers leaves possible: exact and score intervals of shares."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import betaincinv, ndtri

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A share with the interval that holds it; `value` None when there is nothing to go by."""

    value: float | None
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Rounded to a hundredth of a point, the bounds outwards."""
        return {
            "value": None if self.value is None else round(self.value, 4),
            "low": float(np.floor(self.low * 1e4) / 1e4),
            "high": float(np.ceil(self.high * 1e4) / 1e4),
        }


def exact(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided interval of a share that holds it at least as often as `confidence` says.

    Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of
    the binomial". (0, 1) when there is nothing to go by.
    """
    if total == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = float(betaincinv(count, total - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - tail)) if count < total else 1.0
    return low, high


def upper_bounds(counts: Ints, totals: Ints, confidence: float = CONFIDENCE) -> Floats:
    """One-sided exact upper bounds [N] of the shares counts / totals, both int [N]."""
    known = np.clip(counts, 0, np.maximum(totals - 1, 0))
    bounds = betaincinv(known + 1, np.maximum(totals - known, 1), confidence)
    return np.where(counts < totals, bounds, 1.0)


def share(count: int, total: int) -> Estimate:
    """The share count / total with its exact 95 % interval."""
    return Estimate(count / total if total else None, *exact(count, total))


def f1(right: int, missed: int, mistaken: int) -> Estimate:
    """F1 of a label with an exact 95 % interval.

    F1 = 2 J / (1 + J), where J is the share of right ones among the pictures that have the label or
    were given it. With their number fixed the right ones are binomial, so the exact interval of
    J carries over; no approximation is needed as for averages over labels (Takahashi et al. 2022,
    "Confidence interval for micro-averaged F1 and macro-averaged F1 scores").
    """
    jaccard = share(right, right + missed + mistaken)
    low, high = (2 * bound / (1 + bound) for bound in (jaccard.low, jaccard.high))
    value = None if jaccard.value is None else 2 * jaccard.value / (1 + jaccard.value)
    return Estimate(value, low, high)


def paired_difference(gained: int, lost: int, total: int) -> Estimate:
    """Change of a share between two answers to the same `total` pictures, with its interval.

    `gained` became right, `lost` became wrong. Score interval of Tango 1998, "Equivalence test and
    confidence interval for the difference in proportions for the paired-sample design".
    """
    if total == 0:
        return Estimate(None, -1.0, 1.0)
    z = float(ndtri((1 + CONFIDENCE) / 2))
    change = (gained - lost) / total

    def statistic(difference: float) -> float:
        linear = -gained - lost + (2 * total - gained + lost) * difference
        constant = -lost * difference * (1 - difference)
        root = sqrt(max(linear**2 - 8 * total * constant, 0.0))
        variance = 2 * (root - linear) / (4 * total) + difference * (1 - difference)
        distance = gained - lost - total * difference
        return distance / sqrt(total * max(variance, 1e-12))

    edge = 1 - 1e-9
    below = statistic(-edge) > z and change > -edge
    above = statistic(edge) < -z and change < edge
    low = brentq(lambda d: statistic(d) - z, -edge, change) if below else -1.0
    high = brentq(lambda d: statistic(d) + z, change, edge) if above else 1.0
    return Estimate(change, float(low), float(high))
