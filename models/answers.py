"""A model's answers to labelled pictures that it has not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.errors import ModelError
from models.split import Groups, clusters, representative

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Probabilities [N, K] over `labels` for pictures named by content hash, and their true labels.

    `truths` may hold labels that the model does not know: `targets` is -1 there. Raises ModelError
    when the parts do not fit together.
    """

    labels: tuple[str, ...]
    hashes: tuple[str, ...]
    probabilities: Floats
    truths: tuple[str, ...]

    def __post_init__(self) -> None:
        wanted = (len(self.hashes), len(self.labels))
        if self.probabilities.shape != wanted or len(self.truths) != len(self.hashes):
            raise ModelError(
                f"{len(self.hashes)} pictures and {len(self.labels)} labels need probabilities "
                f"{list(wanted)} and as many true labels, not {list(self.probabilities.shape)} "
                f"and {len(self.truths)}; pass the answers of one model to one list of pictures.",
                code="answers_do_not_fit",
            )

    @classmethod
    def of(
        cls, labels: Sequence[str], hashes: Sequence[str], probabilities: Floats, targets: Ints
    ) -> Answers:
        """From true labels as indices int [N] into `labels`; no pictures make [0, K]."""
        rows = np.asarray(probabilities, np.float64).reshape(len(hashes), len(labels))
        truths = tuple(labels[int(target)] for target in targets)
        return cls(tuple(labels), tuple(hashes), rows, truths)

    @cached_property
    def targets(self) -> Ints:
        """True labels as indices [N]; -1 for one that the model does not know."""
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([index.get(truth, -1) for truth in self.truths], np.int64)

    @cached_property
    def predicted(self) -> Ints:
        """The most probable label of each picture, as indices [N]."""
        if not self.hashes:
            return np.empty(0, np.int64)
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @cached_property
    def confidence(self) -> Floats:
        """The probability of the answer [N]."""
        return np.asarray(self.probabilities.max(axis=1, initial=0.0))

    @cached_property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether the answer is the true label [N]."""
        return np.asarray(self.predicted == self.targets)

    def take(self, rows: Sequence[int] | Ints) -> Answers:
        """The answers of these rows, in their order."""
        chosen = np.asarray(rows, np.int64)
        return Answers(
            self.labels,
            tuple(self.hashes[i] for i in chosen),
            self.probabilities[chosen],
            tuple(self.truths[i] for i in chosen),
        )

    def distinct(self, groups: Groups) -> Answers:
        """One picture of each group of near-identical ones, in the order of their hashes.

        Copies answered alike are one piece of evidence, not many: counted singly they would make
        every interval too narrow.
        """
        row = {sha: i for i, sha in reversed(list(enumerate(self.hashes)))}
        chosen = sorted(representative(members) for members in clusters(self.hashes, groups))
        return self.take([row[sha] for sha in chosen])
