"""What to label next: pictures that are uncertain, unlike each other, and stand for many.

Facility location (Nemhauser, Wolsey and Fisher 1978; for learning: Wei, Iyer and Bilmes 2015,
"Submodularity in Data Subset Selection and Active Learning"): a picture is worth as much as it
brings the unlabelled ones nearer to something labelled, each counted by how unsure the model is of
it. Without a model all count alike, which is the cold start. Chosen greedily, so every next one is
worth most given those before; that keeps a batch free of repetition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.directions import Floats32, table
from models.errors import ModelError
from models.lookalikes import places

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MOST = 2500
# Reasons: a margin above which nobody hesitates, the p-value that is unlike, a similarity at
# which one picture stands for another.
_HESITATES, _UNLIKE, _STANDS_FOR = 0.5, 0.02, 0.5


@dataclass(frozen=True)
class Choice:
    """A picture worth labelling (its index), why in words, and for how many it stands."""

    index: int
    reason: str
    stands_for: int


def choose(
    embeddings: npt.NDArray[np.floating],
    count: int,
    *,
    probabilities: Floats | None = None,
    labels: Sequence[str] = (),
    labelled: npt.NDArray[np.floating] | None = None,
    unlike: Floats | None = None,
    seed: int = 0,
) -> list[Choice]:
    """Choose `count` of the unlabelled pictures [N, D] to label next, the most useful first.

    `probabilities` [N, K] are the model's for `labels` (None: there is no model yet), `labelled`
    [M, D] the embeddings labelled already, `unlike` [N] the p-values of `models.unlike`, which
    are only told in the reasons. Of more than 2,500 candidates or labelled pictures a sample is
    looked at. Deterministic for a seed. Raises ModelError where shapes do not match.
    """
    rows = table(embeddings)
    _check(rows, probabilities, labels, labelled, unlike)
    random = np.random.default_rng(seed)
    pool = _sample(len(rows), random)
    if not len(pool) or count < 1:
        return []
    known = np.empty((0, rows.shape[1]), np.float32)
    if labelled is not None and len(labelled):
        known = table(labelled)[_sample(len(labelled), random)]
    doubt = _doubt(probabilities, len(rows))[pool]
    with threadpool_limits(1, user_api="blas"):
        points = places(np.concatenate([rows[pool], known]))
        similar = np.maximum(points[: len(pool)] @ points[: len(pool)].T, 0)
        covered = np.maximum(points[: len(pool)] @ points[len(pool) :].T, 0).max(axis=1, initial=0)
        chosen, stands_for = _greedy(similar, covered, doubt.astype(np.float32), count)
    picked = pool[chosen]
    return [
        Choice(int(i), _reason(int(i), number, probabilities, labels, unlike), number)
        for i, number in zip(picked, stands_for, strict=True)
    ]


def _greedy(
    similar: Floats32, covered: Floats32, weights: Floats32, count: int
) -> tuple[Ints, list[int]]:
    """The candidates whose choice brings most, and for how many others each one stands."""
    chosen: list[int] = []
    nearest = np.full(len(similar), -1)
    free = np.ones(len(similar), bool)
    gains = np.array(
        [weights @ np.maximum(similar[:, i] - covered, 0) for i in range(len(similar))], np.float64
    )
    while len(chosen) < min(count, len(similar)):
        # Gains only fall while others are chosen (Minoux 1978): whoever still leads after an
        # update leads for certain.
        best = int(np.where(free, gains, -np.inf).argmax())
        gains[best] = weights @ np.maximum(similar[:, best] - covered, 0)
        if gains[best] < np.where(free, gains, -np.inf).max():
            continue
        free[best] = False
        nearer = (similar[:, best] > covered) & (similar[:, best] >= _STANDS_FOR)
        nearest[nearer] = len(chosen)
        covered = np.maximum(covered, similar[:, best])
        nearest[best] = len(chosen)
        chosen.append(best)
    stands_for = np.bincount(nearest[nearest >= 0], minlength=len(chosen)) - 1
    return np.array(chosen, np.int64), [max(0, int(number)) for number in stands_for]


def _doubt(probabilities: Floats | None, count: int) -> Floats:
    """How much each candidate counts: one less the margin, squared; all alike without a model."""
    if probabilities is None or probabilities.shape[1] < 2:
        return np.ones(count)
    best = -np.partition(-probabilities, 1, axis=1)[:, :2]
    # A trace for the certain ones keeps the choice sensible where the model is sure of all.
    return np.asarray((1 - (best[:, 0] - best[:, 1])) ** 2 + 1e-4, np.float64)


def _reason(
    index: int,
    stands_for: int,
    probabilities: Floats | None,
    labels: Sequence[str],
    unlike: Floats | None,
) -> str:
    parts = []
    if unlike is not None and unlike[index] <= _UNLIKE:
        parts.append("it is unlike anything labelled")
    if probabilities is not None and probabilities.shape[1] > 1:
        first, second = np.argsort(-probabilities[index], kind="stable")[:2]
        if probabilities[index, first] - probabilities[index, second] < _HESITATES:
            parts.append(f'the model hesitates between "{labels[first]}" and "{labels[second]}"')
    if stands_for:
        noun = "picture" if stands_for == 1 else "pictures"
        parts.append(f"it stands for {stands_for:,} similar {noun}")
    text = ", and ".join(parts) or "it is different from the others chosen"
    return text[0].upper() + text[1:] + "."


def _sample(count: int, random: np.random.Generator) -> Ints:
    if count <= _MOST:
        return np.arange(count)
    return np.sort(random.choice(count, _MOST, replace=False))


def _check(
    rows: Floats32,
    probabilities: Floats | None,
    labels: Sequence[str],
    labelled: npt.NDArray[np.floating] | None,
    unlike: Floats | None,
) -> None:
    if probabilities is not None and probabilities.shape != (len(rows), len(labels)):
        raise ModelError(
            f"{len(rows)} candidates and {len(labels)} labels need probabilities "
            f"[{len(rows)}, {len(labels)}], not {list(probabilities.shape)}."
        )
    if labelled is not None and len(labelled) and labelled.shape[1:] != rows.shape[1:]:
        raise ModelError(
            "Candidates and labelled pictures are embedded by two backbones; embed both with one.",
            code="other_backbone",
        )
    if unlike is not None and unlike.shape != (len(rows),):
        raise ModelError(f"{len(rows)} candidates need as many p-values, not {len(unlike)}.")
