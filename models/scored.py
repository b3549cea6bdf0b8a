"""Answers of a classifier to many pictures, as arrays: what it said, how sure, whether rightly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scored:
    """Predicted labels [N] (indices) and their confidences [N] (0 to 1). Raises ModelError."""

    predicted: Ints
    confidence: Floats

    def __post_init__(self) -> None:
        if len(self.predicted) != len(self.confidence):
            raise ModelError("There must be as many confidences as predicted labels.")
        if not ((self.confidence >= 0) & (self.confidence <= 1)).all():
            raise ModelError("A confidence is a number from 0 to 1.")

    def __len__(self) -> int:
        return len(self.predicted)


@dataclass(frozen=True)
class Judged(Scored):
    """The same for pictures whose true label is known: `right` [N]."""

    right: Bools

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.right) != len(self.predicted):
            raise ModelError("There must be as many verdicts as predicted labels.")

    @classmethod
    def of(cls, probabilities: Floats, targets: Ints) -> Judged:
        """From probabilities [N, K] and true labels [N]; N may be 0."""
        if not len(targets):
            return cls(np.empty(0, np.int64), np.empty(0), np.empty(0, bool))
        predicted = probabilities.argmax(axis=1)
        confidence = np.clip(probabilities.max(axis=1), 0, 1)
        return cls(predicted, np.asarray(confidence, np.float64), predicted == targets)

    def where(self, chosen: Bools) -> Judged:
        """The pictures for which `chosen` [N] is true."""
        return Judged(self.predicted[chosen], self.confidence[chosen], self.right[chosen])

    def joined(self, other: Judged) -> Judged:
        """These pictures and the other ones."""
        return Judged(
            np.concatenate([self.predicted, other.predicted]),
            np.concatenate([self.confidence, other.confidence]),
            np.concatenate([self.right, other.right]),
        )

    def counts(self, thresholds: Floats) -> tuple[Ints, Ints]:
        """How many answers reach each threshold [T], and how many of those are wrong: two [T]."""
        order = np.argsort(self.confidence)
        first = np.searchsorted(self.confidence[order], thresholds, side="left")
        wrong_below = np.concatenate([[0], np.cumsum(~self.right[order])])
        answered = len(self) - first
        return answered.astype(np.int64), (wrong_below[-1] - wrong_below[first]).astype(np.int64)
