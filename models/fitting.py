"""Fit a head to embeddings: multinomial logistic regression with calibrated confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.errors import NotEnoughExamples
from models.heads import Floats, Head

Ints = npt.NDArray[np.int64]

FOLDS = 5
# Inverse strengths of the penalty on standardised features, from strong to weak.
_STRENGTHS = (3e-4, 1.6e-3, 8e-3, 4e-2, 0.2, 1.0)
_GRADIENT, _PROGRESS = 1e-3, 1e-6
# From this ratio of the largest to the smallest label on, labels count alike however many they are.
_IMBALANCED = 2.0
_TEMPERATURES = (0.2, 50.0)


@dataclass(frozen=True)
class Fit:
    """A head, and what each training picture would have got from a head that never saw it."""

    head: Head
    strength: float
    out_of_fold: Floats
    targets: Ints


def fit(
    embeddings: npt.NDArray[np.floating],
    targets: Ints,
    groups: Ints | None,
    labels: Sequence[str],
    *,
    served: npt.NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Fit:
    """Fit a head to embeddings [N, D] with `targets` [N], indices into `labels`.

    `groups` [N] says which rows are views of the same picture (None: every row is its own), so that
    they never straddle folds; `served` [N] says which row of each picture is the view that is
    served (None: all), the only ones that count in choosing. The strength of the penalty is the one
    with the least log loss in stratified cross-validation. The temperature (Guo et al. 2017, "On
    Calibration of Modern Neural Networks") is fitted to the same out-of-fold answers, against
    targets softened as in Platt 1999, so that a few easy pictures do not make it certain.
    Deterministic for a seed. Raises NotEnoughExamples below two labels with two pictures each.
    """
    rows = np.arange(len(targets))
    groups = rows if groups is None else groups
    served = np.ones(len(targets), bool) if served is None else served
    folds = _folds(targets, groups, len(labels), seed)
    # The matrices are small: on a busy machine more threads wait for each other far longer than
    # they compute.
    with threadpool_limits(1, user_api="blas"):
        return _fit(np.asarray(embeddings, np.float64), targets, folds, served, tuple(labels))


def _fit(
    embeddings: Floats,
    targets: Ints,
    folds: Ints,
    served: npt.NDArray[np.bool_],
    labels: tuple[str, ...],
) -> Fit:
    features, project, centre = _standardise(embeddings)
    sample_weights = _sample_weights(targets, len(labels))

    answers = _cross_validate(features, targets, folds, served, sample_weights, len(labels))
    strength, logits = min(answers, key=lambda answer: _log_loss(answer[1], targets[served]))
    softening = temperature(logits, targets[served])

    solved = _solve(features, targets, sample_weights, strength, len(labels))
    weights = project @ solved[:-1]
    head = Head(labels, weights, solved[-1] - centre @ weights, softening)
    out_of_fold = np.asarray(np.exp(log_softmax(logits / softening, axis=1)))
    return Fit(head, strength, out_of_fold, targets[served])


def _folds(targets: Ints, groups: Ints, count: int, seed: int) -> Ints:
    """The fold of each row: per label, its pictures are shuffled and dealt out in turn."""
    unique, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    of_group = targets[first]
    sizes = np.bincount(of_group, minlength=count)
    if (short := int((sizes < 2).sum())) or count < 2:
        raise NotEnoughExamples(
            "A classifier needs at least two labels with two pictures each; "
            f"{short} of {count} labels have fewer: add pictures or remove labels."
        )
    rng = np.random.default_rng(seed)
    fold = np.empty(len(unique), np.int64)
    for label in range(count):
        members = rng.permutation(np.flatnonzero(of_group == label))
        # Starting elsewhere for each label keeps the folds of many tiny labels the same size.
        fold[members] = (np.arange(len(members)) + label) % min(FOLDS, int(sizes.max()))
    return fold[inverse]


def _standardise(embeddings: Floats) -> tuple[Floats, Floats, Floats]:
    """Standardised features, the matrix that makes them of centred embeddings, and the centre.

    With fewer rows than features they are rotated into the space that the rows span: the penalty is
    the same there and the problem much smaller.
    """
    centre = embeddings.mean(axis=0)
    deviation = embeddings.std(axis=0)
    scale = 1 / np.where(deviation > 1e-6 * max(float(deviation.max()), 1e-12), deviation, np.inf)
    features = (embeddings - centre) * scale
    if len(features) >= features.shape[1]:
        return features, np.diag(scale), centre
    values, vectors = np.linalg.eigh(features @ features.T)
    kept = values > values.max() * 1e-10
    rotation = features.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    return features @ rotation, scale[:, None] * rotation, centre


def _sample_weights(targets: Ints, count: int) -> Floats:
    sizes = np.bincount(targets, minlength=count)
    if sizes.max() < _IMBALANCED * sizes.min():
        return np.ones(len(targets))
    return np.asarray(len(targets) / (count * sizes[targets]), np.float64)


def _cross_validate(
    features: Floats,
    targets: Ints,
    folds: Ints,
    served: npt.NDArray[np.bool_],
    sample_weights: Floats,
    count: int,
) -> list[tuple[float, Floats]]:
    """Strength and out-of-fold logits of the served rows, until the log loss gets worse."""
    starts: dict[int, Floats | None] = dict.fromkeys(int(fold) for fold in np.unique(folds))
    answers: list[tuple[float, Floats]] = []
    best = np.inf
    for strength in _STRENGTHS:
        logits = np.empty((len(targets), count))
        for fold, start in starts.items():
            inside = folds != fold
            solved = _solve(
                features[inside], targets[inside], sample_weights[inside], strength, count, start
            )
            starts[fold] = solved
            logits[~inside] = features[~inside] @ solved[:-1] + solved[-1]
        answers.append((strength, logits[served]))
        loss = _log_loss(logits[served], targets[served])
        if loss > best:
            break
        best = loss
    return answers


def _solve(
    features: npt.NDArray[np.float32] | Floats,
    targets: Ints,
    sample_weights: Floats,
    strength: float,
    count: int,
    start: Floats | None = None,
) -> Floats:
    """Weights and, in the last row, bias [D + 1, count] of the penalised regression, by L-BFGS.

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
    options = {"gtol": _GRADIENT, "ftol": _PROGRESS, "maxiter": 500}
    found = minimize(objective, begin.ravel(), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x, np.float64).reshape(dim + 1, count)


def _log_loss(logits: Floats, targets: Ints) -> float:
    return float(-log_softmax(logits, axis=1)[np.arange(len(targets)), targets].mean())


def temperature(logits: Floats, targets: Ints) -> float:
    """The divisor of logits [N, K] that makes their confidence fit unseen `targets` [N]."""
    rows, count = np.arange(len(targets)), logits.shape[1]
    doubt = 1 / (len(targets) / count + 2)
    soft = np.full(logits.shape, doubt / count)
    soft[rows, targets] += 1 - doubt

    def loss(log_temperature: float) -> float:
        return float(-(soft * log_softmax(logits / np.exp(log_temperature), axis=1)).sum())

    bounds = tuple(np.log(_TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
