"""Penalised multinomial logistic regression on standardised features, by L-BFGS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_GRADIENT, _PROGRESS = 1e-3, 1e-6
_STEPS = 500
# From this ratio of the largest to the smallest label on, labels count alike however many they are.
_IMBALANCED = 2.0
# Features that vary less than this part of the most varying one, or of their own size, carry
# nothing but rounding.
_STILL = 1e-6


@dataclass(frozen=True)
class Standardised:
    """Features float32 [N, F] = (embeddings - centre) @ project, with centre [D], project [D, F].

    A `project` of one dimension [D] stands for a diagonal matrix.
    """

    features: Singles
    project: Floats
    centre: Floats

    def unfold(self, solved: Floats) -> tuple[Floats, Floats]:
        """Weights [D, K] and bias [K] on embeddings, for a solution [F + 1, K] on features."""
        if self.project.ndim == 1:
            weights = self.project[:, None] * solved[:-1]
        else:
            weights = self.project @ solved[:-1]
        return weights, solved[-1] - self.centre @ weights


def standardise(embeddings: npt.NDArray[np.floating], *, rotate: bool = True) -> Standardised:
    """Centre and scale every column of embeddings [N, D]; those that never change become 0.

    With fewer rows than features they are rotated into the space that the rows span (unless told
    not to): the penalty is the same there and the problem much smaller.
    """
    # In single precision here, a large mean would leave nothing of a small deviation.
    centre = embeddings.mean(axis=0, dtype=np.float64)
    centred = np.asarray(embeddings - centre.astype(embeddings.dtype))
    offset = centred.mean(axis=0, dtype=np.float64)
    centre = centre.astype(embeddings.dtype).astype(np.float64) + offset
    squares = np.einsum("nd,nd->d", centred, centred) / len(centred)
    deviation = np.sqrt(np.maximum(squares - offset**2, 0))
    largest = max(float(deviation.max()), 1e-12)
    moving = deviation > _STILL * np.maximum(np.abs(centre), largest)
    scale = np.where(moving, 1 / np.where(moving, deviation, 1), 0.0)
    centred = (centred - offset.astype(centred.dtype)) * scale.astype(centred.dtype)
    if not rotate or len(centred) >= centred.shape[1]:
        return Standardised(np.asarray(centred, np.float32), scale, centre)
    features = np.asarray(centred, np.float64)
    values, vectors = np.linalg.eigh(features @ features.T)
    kept = values > values.max() * 1e-10
    rotation = features.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    rotated = np.asarray(features @ rotation, np.float32)
    return Standardised(rotated, scale[:, None] * rotation, centre)


def balance(targets: Ints, count: int) -> Floats:
    """The weight of each row [N]: 1, or such that all labels weigh the same if sizes differ."""
    sizes = np.bincount(targets, minlength=count)
    if sizes.max() < _IMBALANCED * sizes.min():
        return np.ones(len(targets))
    return np.asarray(len(targets) / (count * sizes[targets]), np.float64)


def solve(
    features: npt.NDArray[np.floating],
    targets: Ints,
    sample_weights: Floats,
    strength: float,
    count: int,
    start: Floats | None = None,
) -> Floats:
    """Weights and, in the last row, bias [F + 1, count] of the penalised regression.

    The objective is scikit-learn's: sum of the weighted log losses + |weights|^2 / (2 strength).
    The products are done in single precision, the sums in double.
    """
    rows, dim = np.arange(len(targets)), features.shape[1]
    matrix = np.asarray(features, np.float32)
    shares = sample_weights / sample_weights.sum()
    penalty = 1 / (strength * sample_weights.sum())

    def objective(flat: Floats) -> tuple[float, Floats]:
        solution = flat.reshape(dim + 1, count)
        logits = (matrix @ solution[:-1].astype(np.float32)).astype(np.float64) + solution[-1]
        logarithms = log_softmax(logits, axis=1)
        loss = -(shares * logarithms[rows, targets]).sum()
        residual = np.exp(logarithms)
        residual[rows, targets] -= 1
        residual *= shares[:, None]
        gradient = np.empty_like(solution)
        gradient[:-1] = matrix.T @ residual.astype(np.float32) + penalty * solution[:-1]
        gradient[-1] = residual.sum(axis=0)
        return float(loss + penalty / 2 * np.square(solution[:-1]).sum()), gradient.ravel()

    begin = np.zeros((dim + 1, count)) if start is None else start
    options = {"gtol": _GRADIENT, "ftol": _PROGRESS, "maxiter": _STEPS}
    found = minimize(objective, begin.ravel(), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x, np.float64).reshape(dim + 1, count)


def log_loss(logits: Floats, targets: Ints) -> float:
    """Mean negative logarithm of the probability that logits [N, K] give to targets [N]."""
    return float(-log_softmax(logits, axis=1)[np.arange(len(targets)), targets].mean())
