"""Fit a head to embeddings: multinomial logistic regression with calibrated confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models import folds
from models.errors import ModelError
from models.heads import Floats, Head
from models.logistic import Ints, Singles, Standardised, balance, log_loss, solve, standardise

# Inverse strengths of the penalty on standardised features, from strong to weak.
_STRENGTHS = (3e-4, 1.6e-3, 8e-3, 4e-2, 0.2, 1.0)
# So many pictures are enough to choose the strength by; the best one hardly depends on how many.
_ENOUGH_TO_CHOOSE = 2000
_TEMPERATURES = (0.2, 50.0)


@dataclass(frozen=True)
class Fit:
    """A head, and what each training picture would have got from a head that never saw it.

    `out_of_fold` [M, K] and `targets` [M] belong to `rows` [M] of the embeddings: the served ones,
    less the only picture of a label, which no head could have answered without having seen it.
    """

    head: Head
    strength: float
    out_of_fold: Floats
    targets: Ints
    rows: Ints = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class _Problem:
    """What cross-validation looks at: features [N, F] and, for each row, what it is to it."""

    features: Singles
    targets: Ints
    weights: Floats
    folds: Ints
    answered: npt.NDArray[np.bool_]
    count: int

    def sample(self, keep: npt.NDArray[np.bool_]) -> _Problem:
        return _Problem(
            self.features[keep],
            self.targets[keep],
            self.weights[keep],
            self.folds[keep],
            self.answered[keep],
            self.count,
        )


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
    with the least log loss in stratified cross-validation, on a part of the pictures where they are
    thousands. The temperature (Guo et al. 2017, "On Calibration of Modern Neural Networks") is
    fitted to the out-of-fold answers, against targets softened as in Platt 1999, so that a few easy
    pictures do not make it certain. A label with one picture is learned and left out of
    cross-validation. Deterministic for a seed. Raises NotEnoughExamples for a label without
    pictures and below two labels with two pictures each.
    """
    rows = np.arange(len(targets))
    groups = rows if groups is None else groups
    served = np.ones(len(targets), bool) if served is None else served
    dealt = folds.deal(targets, groups, labels, seed)
    # The matrices are small: on a busy machine more threads wait for each other far longer than
    # they compute.
    with threadpool_limits(1, user_api="blas"):
        made = standardise(embeddings)
        answered = served & (dealt != folds.ALWAYS_INSIDE)
        weights = balance(targets, len(labels))
        problem = _Problem(made.features, targets, weights, dealt, answered, len(labels))
        strength, logits, start = _choose(
            problem, folds.subset(targets, groups, _ENOUGH_TO_CHOOSE, seed)
        )
        solved = solve(made.features, targets, weights, strength, len(labels), start)
    softening = temperature(logits, targets[answered])
    head = _head(made, solved, tuple(labels), softening)
    out_of_fold = np.asarray(np.exp(log_softmax(logits / softening, axis=1)))
    return Fit(head, strength, out_of_fold, targets[answered], rows[answered])


def refit(
    embeddings: npt.NDArray[np.floating],
    targets: Ints,
    labels: Sequence[str],
    previous: Head,
    strength: float,
) -> Head:
    """A head for embeddings [N, D] and `targets` [N] in much less time than `fit` takes.

    `strength` is the one that `fit` chose earlier, and the solution is sought from the weights of
    `previous`, the labels matched by name: they may have been added, removed or reordered, the
    problem being convex. The temperature stays: an honest one needs answers to pictures that
    were not learned, which is what `fit` takes its time for. Raises NotEnoughExamples for a label
    without pictures, ModelError for embeddings of another backbone.
    """
    names = tuple(labels)
    folds.check_present(np.bincount(targets, minlength=len(names)), names)
    if embeddings.shape[1] != previous.dim:
        raise ModelError(
            f"The head takes embeddings of {previous.dim} numbers, not {embeddings.shape[1]}; "
            "fit one anew for this backbone.",
            code="other_backbone",
        )
    with threadpool_limits(1, user_api="blas"):
        made = standardise(embeddings, rotate=False)
        start = _warm(made, names, previous)
        weights = balance(targets, len(names))
        solved = solve(made.features, targets, weights, strength, len(names), start)
    return _head(made, solved, names, previous.temperature)


def answer_out_of_fold(
    embeddings: npt.NDArray[np.floating],
    others: npt.NDArray[np.floating],
    targets: Ints,
    labels: Sequence[str],
    strength: float,
    *,
    seed: int = 0,
) -> tuple[Ints, Floats, Floats]:
    """What heads that have not seen a picture say to it and to another view of it.

    `embeddings` and `others` are [N, D], row by row of the same pictures; the heads are trained on
    the former alone. Returns the rows [M] that could be answered and probabilities [M, K] for both.
    Raises NotEnoughExamples.
    """
    dealt = folds.deal(targets, np.arange(len(targets)), labels, seed)
    answers = np.empty((2, len(targets), len(labels)))
    with threadpool_limits(1, user_api="blas"):
        made = standardise(embeddings)
        weights = balance(targets, len(labels))
        for fold in np.unique(dealt[dealt != folds.ALWAYS_INSIDE]):
            inside = dealt != fold
            solved = solve(
                made.features[inside],
                targets[inside],
                weights[inside],
                strength,
                len(labels),
            )
            head = _head(made, solved, tuple(labels), 1.0)
            answers[0, ~inside] = head.predict(embeddings[~inside])
            answers[1, ~inside] = head.predict(others[~inside])
    rows = np.flatnonzero(dealt != folds.ALWAYS_INSIDE)
    return rows, answers[0, rows], answers[1, rows]


def _warm(made: Standardised, labels: tuple[str, ...], previous: Head) -> Floats:
    """The weights of `previous` as a solution on these features; new labels begin at nothing."""
    start = np.zeros((made.features.shape[1] + 1, len(labels)))
    known = {label: column for column, label in enumerate(previous.labels)}
    own = [i for i, label in enumerate(labels) if label in known]
    theirs = [known[labels[i]] for i in own]
    weights = previous.weights[:, theirs]
    scale = made.project
    start[:-1, own] = weights * np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0)[:, None]
    start[-1, own] = previous.bias[theirs] + made.centre @ weights
    return start


def _head(made: Standardised, solved: Floats, labels: tuple[str, ...], softening: float) -> Head:
    weights, bias = made.unfold(solved)
    return Head(labels, weights, bias, softening)


def _choose(problem: _Problem, some: npt.NDArray[np.bool_]) -> tuple[float, Floats, Floats]:
    """The strength, the out-of-fold logits of the answered rows, and where to start from."""
    sample = problem if some.all() else problem.sample(some)
    starts: dict[int, Floats | None] = dict.fromkeys(_fold_numbers(problem))
    best: tuple[float, float, Floats, dict[int, Floats | None]] | None = None
    for strength in _STRENGTHS:
        logits, starts = _answer_folds(sample, strength, starts)
        loss = log_loss(logits, sample.targets[sample.answered])
        if best is not None and loss > best[0]:
            break
        best = loss, strength, logits, starts
    assert best is not None
    _, strength, logits, starts = best
    if sample is not problem:
        logits, starts = _answer_folds(problem, strength, starts)
    return strength, logits, np.mean([s for s in starts.values() if s is not None], axis=0)


def _fold_numbers(problem: _Problem) -> list[int]:
    return [int(fold) for fold in np.unique(problem.folds) if fold != folds.ALWAYS_INSIDE]


def _answer_folds(
    problem: _Problem, strength: float, starts: dict[int, Floats | None]
) -> tuple[Floats, dict[int, Floats | None]]:
    """Logits of the answered rows by heads that never saw them, and each fold's solution."""
    logits = np.empty((len(problem.targets), problem.count))
    solutions: dict[int, Floats | None] = {}
    for fold, start in starts.items():
        inside = problem.folds != fold
        solved = solve(
            problem.features[inside],
            problem.targets[inside],
            problem.weights[inside],
            strength,
            problem.count,
            start,
        )
        solutions[fold] = solved
        logits[~inside] = problem.features[~inside] @ solved[:-1].astype(np.float32) + solved[-1]
    return logits[problem.answered], solutions


def temperature(logits: Floats, targets: Ints) -> float:
    """The divisor of logits [N, K] that makes their confidence fit unseen `targets` [N].

    Targets are softened by one picture's doubt (Platt 1999, "Probabilistic outputs for support
    vector machines"), so that few pictures without an error do not make it certain.
    """
    rows, count = np.arange(len(targets)), logits.shape[1]
    doubt = 1 / (len(targets) + 2)
    soft = np.full(logits.shape, doubt / count)
    soft[rows, targets] += 1 - doubt

    def loss(log_temperature: float) -> float:
        return float(-(soft * log_softmax(logits / np.exp(log_temperature), axis=1)).sum())

    bounds = tuple(np.log(_TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
