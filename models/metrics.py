"""How well predictions fit what people say: plain numbers, from probabilities and true labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_Z95 = 1.959963984540054
_BINS = 10
_TARGET_ACCURACY = 0.98
_LEAST = 0.8
_ENOUGH = 30


@dataclass(frozen=True)
class Threshold:
    """From which confidence on the model's answer stands, and why, in a sentence."""

    value: float
    reason: str


def wilson(right: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927). (0, 1) when there is nothing to go by."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = right / total, _Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 * sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    # Exact at the ends, where rounding could leave the share itself outside.
    low = centre - half if right else 0.0
    return low, centre + half if right < total else 1.0


def confusion(predicted: Ints, targets: Ints, count: int) -> Ints:
    """Counts [count, count]: rows are the true labels, columns the predicted ones."""
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (targets, predicted), 1)
    return matrix


def log_loss(probabilities: Floats, targets: Ints) -> float:
    """Mean negative logarithm (natural) of the probability given to the true label."""
    given = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.clip(given, 1e-15, 1)).mean())


def calibration_error(probabilities: Floats, targets: Ints) -> float:
    """Expected calibration error in ten equal bins of confidence (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(sum(gaps))


def per_label(matrix: Ints, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Precision, recall and F1 of each label; None where there is nothing to divide by."""
    result = {}
    for i, label in enumerate(labels):
        right, true, answered = (
            int(n) for n in (matrix[i, i], matrix[i].sum(), matrix[:, i].sum())
        )
        result[label] = {
            "count": true,
            "precision": right / answered if answered else None,
            "recall": right / true if true else None,
            "f1": 2 * right / (true + answered) if true + answered else None,
        }
    return result


def summary(probabilities: Floats, targets: Ints, labels: Sequence[str]) -> dict[str, Any]:
    """Everything above for probabilities [N, K] and true labels [N]; plain values, fit for JSON."""
    if not len(targets):
        return {"count": 0, "accuracy": None, "accuracy_interval": [0.0, 1.0]}
    predicted = probabilities.argmax(axis=1)
    matrix = confusion(predicted, targets, len(labels))
    right = int(matrix.trace())
    return {
        "count": len(targets),
        "accuracy": right / len(targets),
        "accuracy_interval": list(wilson(right, len(targets))),
        "log_loss": log_loss(probabilities, targets),
        "calibration_error": calibration_error(probabilities, targets),
        "labels": per_label(matrix, labels),
        "confusion": {"labels": list(labels), "rows": matrix.tolist()},
    }


def default_threshold(probabilities: Floats, targets: Ints) -> Threshold:
    """The lowest confidence from which on 98 % of the answers to unseen pictures were right.

    Never below 0.8: that few pictures showed no mistake is no reason to act on answers that the
    model itself gives no better odds. 0.9 when there are fewer than 30 pictures to tell by.
    """
    if len(targets) < _ENOUGH:
        return Threshold(
            0.9, f"Only {len(targets)} pictures to judge by: a cautious 0.9 until there are more."
        )
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    order = np.argsort(-confidence, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(accuracy >= _TARGET_ACCURACY)
    if not len(good):
        return Threshold(0.99, "Even the surest answers were often wrong: nearly all are asked.")
    if good[-1] == len(order) - 1:
        value = _LEAST
    else:
        # Halfway to the first answer that would spoil the share; rounded up, never down to it.
        value = float(confidence[order[good[-1] : good[-1] + 2]].mean())
        value = min(0.99, max(_LEAST, np.ceil(value * 1000) / 1000))
    kept = confidence >= value
    shown = f"{right[kept].mean():.1%} of the {int(kept.sum())}" if kept.any() else "none of the"
    return Threshold(
        float(value),
        f"{shown} answers with a confidence of {value:.2f} or more were right, of "
        f"{len(targets)} pictures that the judged model had not seen; the aim is 98 %.",
    )
