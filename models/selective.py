"""What asking a person buys: error against the share that is answered without asking."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.intervals import upper_bounds

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_POINTS = 100


def risk_coverage(confidence: Floats, right: Bools, points: int = _POINTS) -> dict[str, Any]:
    """The risk-coverage curve of confidences [N] and whether the answers were right, bool [N].

    Geifman & El-Yaniv 2017, "Selective classification for deep neural networks". At most `points`
    points, from the surest answers to all: answered are those with a confidence of `threshold` or
    more; `upper` is the one-sided exact 95 % bound of the error at that point looked at alone,
    which describes and promises nothing. Answers of equal confidence stand or fall together.
    `aurc` is the area under the curve over every number answered (Geifman, Uziel & El-Yaniv 2019).
    """
    if not len(confidence):
        return {"points": [], "aurc": None}
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    ends = np.flatnonzero(np.append(ordered[1:] < ordered[:-1], True))
    wrong, answered = np.cumsum(~right[order], dtype=np.int64)[ends], ends + 1
    risk = wrong / answered
    area = _area(wrong, answered)
    shown = np.unique(np.round(np.linspace(0, len(ends) - 1, min(points, len(ends)))).astype(int))
    upper = upper_bounds(wrong[shown], answered[shown])
    curve = [
        {
            # In full: rounded it would let others in or turn away the answer it stands for.
            "threshold": float(ordered[ends[i]]),
            "coverage": round(float(answered[i] / len(ordered)), 4),
            "error": round(float(risk[i]), 4),
            "upper": round(float(bound), 4),
        }
        for i, bound in zip(shown, upper, strict=True)
    ]
    return {"points": curve, "aurc": round(area, 5)}


def _area(wrong: npt.NDArray[np.int64], answered: npt.NDArray[np.int64]) -> float:
    """Mean risk over all numbers answered; within ties, errors come evenly: their mean order."""
    total = int(answered[-1])
    cumulated = np.interp(np.arange(1, total + 1), np.append(0, answered), np.append(0, wrong))
    return float((cumulated / np.arange(1, total + 1)).mean())
