"""The risk-coverage curve: how many answers are wrong if only the surest share is answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.binomial import interval
from models.scored import Judged


@dataclass(frozen=True)
class Point:
    """Answers with a confidence from `threshold` on: share, error, its exact 95 % interval."""

    threshold: float
    coverage: float
    answered: int
    wrong: int
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class RiskCoverage:
    """Points from the surest answers to all, and the area under the curve (None if empty)."""

    points: tuple[Point, ...]
    area: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return {"points": [asdict(point) for point in self.points], "area": self.area}


def risk_coverage(pictures: Judged, most: int = 200) -> RiskCoverage:
    """The curve of El-Yaniv and Wiener 2010 at up to `most` of the pictures' own confidences.

    "On the foundations of noise-free selective classification". Pictures of the same confidence
    come and go together. `area` (AURC, Geifman et al. 2019, "Bias-Reduced Uncertainty Estimation
    for Deep Neural Classifiers") is the mean error over the surest 1, 2, …, N pictures, ties in
    random order. Each interval is exact for its point alone.
    """
    total = len(pictures)
    if not total:
        return RiskCoverage((), None)
    distinct, inverse = np.unique(-pictures.confidence, return_inverse=True)
    ahead = np.linspace(0, len(distinct) - 1, min(most, len(distinct)))
    chosen = -distinct[np.unique(np.round(ahead).astype(int))]
    points = []
    for threshold, answered, wrong in zip(chosen, *pictures.counts(chosen), strict=True):
        low, high = interval(int(wrong), int(answered))
        error = float(wrong / answered)
        points.append(
            Point(
                float(threshold),
                float(answered / total),
                int(answered),
                int(wrong),
                error,
                low,
                high,
            )
        )
    tied = np.bincount(inverse, ~pictures.right) / np.bincount(inverse)
    expected = np.cumsum(tied[np.sort(inverse)]) / np.arange(1, total + 1)
    return RiskCoverage(tuple(points), float(expected.mean()))
