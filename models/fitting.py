"""Fit a head to embeddings: multinomial logistic regression with calibrated confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from models.errors import NotEnoughExamples
from models.heads import Floats, Head

Ints = npt.NDArray[np.int64]

FOLDS = 5
# Inverse strengths of the penalty on standardised features, from strong to weak.
_STRENGTHS = tuple(float(c) for c in np.logspace(-4.5, -0.5, 9))
# From this ratio of the largest to the smallest label on, labels count alike however many they are.
_IMBALANCED = 2.0
_TEMPERATURES = (0.2, 10.0)


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
    features, project, centre = _standardise(np.asarray(embeddings, np.float64))
    sample_weights = _sample_weights(targets, len(labels))

    answers = _cross_validate(features, targets, folds, served, sample_weights, len(labels))
    strength, logits = min(answers, key=lambda answer: _log_loss(answer[1], targets[served]))
    temperature = _temperature(logits, targets[served])

    model = _regression(strength)
    model.fit(features, targets, sample_weight=sample_weights)
    coefficients, intercept = _all_labels(model, len(labels), features.shape[1])
    weights = project @ coefficients
    head = Head(tuple(labels), weights, intercept - centre @ weights, temperature)
    out_of_fold = np.asarray(np.exp(log_softmax(logits / temperature, axis=1)))
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


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, tol=1e-3, max_iter=1000, warm_start=True)


def _cross_validate(
    features: Floats,
    targets: Ints,
    folds: Ints,
    served: npt.NDArray[np.bool_],
    sample_weights: Floats,
    count: int,
) -> list[tuple[float, Floats]]:
    """Strength and out-of-fold logits of the served rows, until the log loss only gets worse."""
    models = {int(fold): _regression(1.0) for fold in np.unique(folds)}
    answers: list[tuple[float, Floats]] = []
    losses: list[float] = []
    for strength in _STRENGTHS:
        logits = np.empty((len(targets), count))
        for fold, model in models.items():
            inside = folds != fold
            model.C = strength
            model.fit(features[inside], targets[inside], sample_weight=sample_weights[inside])
            coefficients, intercept = _all_labels(model, count, features.shape[1])
            logits[~inside] = features[~inside] @ coefficients + intercept
        answers.append((strength, logits[served]))
        losses.append(_log_loss(logits[served], targets[served]))
        if len(losses) > 2 and losses[-1] > losses[-2] > losses[-3]:
            break
    return answers


def _all_labels(model: LogisticRegression, count: int, dim: int) -> tuple[Floats, Floats]:
    """Weights [dim, count] and bias [count], whatever labels the regression has seen."""
    coefficients, intercept = np.zeros((dim, count)), np.zeros(count)
    if len(model.classes_) == 2:
        # scikit-learn keeps one row for two classes; half on either side is the same softmax.
        coefficients[:, model.classes_] = np.outer(model.coef_[0], (-0.5, 0.5))
        intercept[model.classes_] = model.intercept_[0] * np.array((-0.5, 0.5))
    else:
        coefficients[:, model.classes_] = model.coef_.T
        intercept[model.classes_] = model.intercept_
    return coefficients, intercept


def _log_loss(logits: Floats, targets: Ints) -> float:
    return float(-log_softmax(logits, axis=1)[np.arange(len(targets)), targets].mean())


def _temperature(logits: Floats, targets: Ints) -> float:
    rows, count = np.arange(len(targets)), logits.shape[1]
    doubt = 1 / (len(targets) / count + 2)
    soft = np.full(logits.shape, doubt / count)
    soft[rows, targets] += 1 - doubt

    def loss(log_temperature: float) -> float:
        return float(-(soft * log_softmax(logits / np.exp(log_temperature), axis=1)).sum())

    bounds = tuple(np.log(_TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
