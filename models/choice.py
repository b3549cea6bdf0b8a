"""Fit a linear score that says which of a few alternatives is chosen: conditional logit.

McFadden 1974, "Conditional logit analysis of qualitative choice behavior": the probability of an
alternative is the softmax of the scores of all. What they have in common cancels out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.errors import NotEnoughExamples
from models.heads import Floats

Ints = npt.NDArray[np.int64]

FOLDS = 5
# Inverse strengths of the penalty on standardised features, from strong to weak.
_STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
_WORSE = 0.05
_GRADIENT, _PROGRESS = 1e-4, 1e-7


@dataclass(frozen=True)
class Choice:
    """Score weights [D], and the scores [N, A] from weights that had not seen the instance."""

    weights: Floats
    strength: float
    out_of_fold: Floats


def fit(
    alternatives: npt.NDArray[np.floating],
    groups: Ints | None = None,
    *,
    scales: Floats | None = None,
    seed: int = 0,
) -> Choice:
    """Fit to instances [N, A, D], of which the first alternative is the one that was chosen.

    Instances of the same group [N] (None: each its own) stay together in cross-validation, which
    chooses the strength of the penalty by the log loss. `scales` [D] multiply the standardised
    features: the larger, the less a feature's weight is penalised. Deterministic for a seed. Raises
    NotEnoughExamples below two groups.
    """
    groups = np.arange(len(alternatives)) if groups is None else groups
    folds = _folds(groups, seed)
    # As in fitting: the matrices are small, and more threads wait for each other.
    with threadpool_limits(1, user_api="blas"):
        differences, project = _prepare(np.asarray(alternatives, np.float64), scales)
        strength, scores = _cross_validate(differences, folds)
        return Choice(project @ _solve(differences, strength), strength, scores)


def _folds(groups: Ints, seed: int) -> Ints:
    unique, inverse = np.unique(groups, return_inverse=True)
    if len(unique) < 2:
        raise NotEnoughExamples(
            f"Learning which way is up takes at least two pictures, and there are {len(unique)}; "
            "add upright ones, about 100 are good."
        )
    dealt = np.random.default_rng(seed).permutation(len(unique)) % FOLDS
    return np.asarray(dealt[inverse], np.int64)


def _prepare(alternatives: Floats, scales: Floats | None) -> tuple[Floats, Floats]:
    """Differences [N, A - 1, d] to the chosen alternative, and what makes weights [D] of [d].

    What varies within an instance is standardised; with fewer rows than features they are rotated
    into the space that the rows span, where the penalty is the same and the problem smaller.
    """
    varying = alternatives - alternatives.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.square(varying).mean(axis=(0, 1)))
    smallest = 1e-6 * max(float(deviation.max()), 1e-12)
    scale = 1 / np.where(deviation > smallest, deviation, np.inf)
    scale = scale if scales is None else scale * scales
    differences = (alternatives[:, 1:] - alternatives[:, :1]) * scale
    rows = differences.reshape(-1, differences.shape[2])
    if len(rows) >= rows.shape[1]:
        return differences, np.diag(scale)
    values, vectors = np.linalg.eigh(rows @ rows.T)
    kept = values > max(float(values.max()), 1e-300) * 1e-10
    rotation = rows.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    rotated = (rows @ rotation).reshape(*differences.shape[:2], -1)
    return rotated, scale[:, None] * rotation


def _cross_validate(differences: Floats, folds: Ints) -> tuple[float, Floats]:
    """The strength with the least log loss, and the scores [N, A] that it gave out of fold."""
    starts: dict[int, Floats | None] = dict.fromkeys(int(fold) for fold in np.unique(folds))
    best, chosen, kept = np.inf, _STRENGTHS[0], np.empty(0)
    for strength in _STRENGTHS:
        scores = np.zeros((len(folds), differences.shape[1] + 1))
        for fold, start in starts.items():
            inside = folds != fold
            starts[fold] = solved = _solve(differences[inside], strength, start)
            scores[~inside, 1:] = differences[~inside] @ solved
        loss = float(-log_softmax(scores, axis=1)[:, 0].mean())
        if loss < best:
            best, chosen, kept = loss, strength, scores
        elif loss > best + _WORSE:
            break
    return chosen, kept


def _solve(differences: Floats, strength: float, start: Floats | None = None) -> Floats:
    """Weights [d] with the least sum of log losses + |weights|^2 / (2 strength), by L-BFGS."""
    count, others, dim = differences.shape
    matrix = differences.reshape(-1, dim).astype(np.float32)
    penalty = 1 / (strength * count)

    def objective(weights: Floats) -> tuple[float, Floats]:
        scores = np.zeros((count, others + 1))
        scores[:, 1:] = (matrix @ weights.astype(np.float32)).reshape(count, others)
        logarithms = log_softmax(scores, axis=1)
        taken = np.exp(logarithms[:, 1:]).ravel() / count
        gradient = (taken.astype(np.float32) @ matrix).astype(np.float64) + penalty * weights
        loss = -logarithms[:, 0].mean() + penalty / 2 * np.square(weights).sum()
        return float(loss), gradient

    options = {"gtol": _GRADIENT, "ftol": _PROGRESS, "maxiter": 500}
    begin = np.zeros(dim) if start is None else start
    found = minimize(objective, begin, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x, np.float64)
