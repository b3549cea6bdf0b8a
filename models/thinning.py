"""What heads would have got wrong with fewer pictures: the evidence for a learning curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.logistic import balance, solve, standardise

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_FOLDS = 5
_REPEATS = 4
# One unit is a row times a feature times a label; a solution takes about 20 ns a unit on one core.
_BUDGET = 1.5e8
# Above this many rows the features are reduced to their main directions: many rows need few.
_MANY_ROWS, _DIRECTIONS, _SAMPLED = 2_000, 256, 2_000
_LEAST_LABELS = 2


@dataclass(frozen=True)
class Thinned:
    """How often each picture was wrong, by heads that learned from a share of the others.

    `shares` [S] of the pictures, ascending; `sizes` [S] how many pictures the heads had on average;
    `wrong` [S, N] mean over the heads that had not seen the picture, of whether they were wrong,
    NaN for pictures that no head was asked about.
    """

    shares: Floats
    sizes: Floats
    wrong: Floats


@dataclass(frozen=True)
class Problem:
    """Features [N, F], targets [N] among `count` labels, groups [N], and the head's penalty."""

    features: npt.NDArray[np.float32]
    targets: Ints
    groups: Ints
    count: int
    strength: float

    @property
    def cost(self) -> float:
        """Units of work that a head on all rows takes."""
        return float(self.features.size) * self.count


def problem(
    embeddings: npt.NDArray[np.floating],
    targets: Ints,
    count: int,
    *,
    strength: float,
    groups: Ints | None = None,
) -> Problem:
    """Of embeddings [N, D], one row a picture; `groups` [N] says which are near-identical.

    `strength` is that of the head's own penalty (`fitting.Fit.strength`).
    """
    features = standardise(embeddings).features
    if len(features) > _MANY_ROWS and features.shape[1] > _DIRECTIONS:
        step = len(features) // _SAMPLED
        some = features[::step].astype(np.float64)
        _, directions = np.linalg.eigh(some.T @ some)
        features = features @ directions[:, -_DIRECTIONS:].astype(np.float32)
    groups = np.arange(len(targets)) if groups is None else groups
    return Problem(features, targets, groups, count, strength)


def curve(whole: Problem, shares: Sequence[float], *, seed: int = 0) -> Thinned:
    """Errors by the share of pictures that are learned from: nested parts of each label.

    In each of several rounds the pictures are dealt into folds; those of one fold are answered by
    heads that learned from parts of the others. The same pictures answer at each share and the
    parts are nested, so that differences are far surer than the errors themselves.
    """
    tried = np.sort(np.asarray(shares, np.float64))
    sums, asked = np.zeros((len(tried), len(whole.targets))), np.zeros(len(whole.targets))
    sizes, rounds = np.zeros(len(tried)), 0
    for own, rest, order in _rounds(whole, whole.cost * float(tried.sum()), seed):
        wrong, start = np.empty((len(tried), len(own))), None
        for i in range(len(tried)):
            inside = rest[_part(whole, rest, order, tried[i])]
            start = _train(whole, inside, start)
            wrong[i] = _wrong(whole, own, start)
            sizes[i] += len(inside)
        sums[:, own] += wrong
        asked[own] += 1
        rounds += 1
    with np.errstate(invalid="ignore"):
        mean = sums / asked
    return Thinned(tried, sizes / max(rounds, 1), mean)


def with_one_whole(whole: Problem, label: int, *, seed: int = 0, share: float = 0.2) -> Thinned:
    """Errors with half of all pictures, and with the other half of one label's added to them.

    That is what adding to one label does, imbalance included; to take half of one label away from
    all pictures would overstate it, because that unbalances them too. `sizes` [2] are those of the
    label. `share` is the part of the budget that this may take.
    """
    sums, asked = np.zeros((2, len(whole.targets))), np.zeros(len(whole.targets))
    sizes, rounds = np.zeros(2), 0
    for own, rest, order in _rounds(whole, whole.cost * 1.2 / share, seed):
        half = _part(whole, rest, order, 0.5)
        start = None
        for i, inside in enumerate((rest[half], rest[half | (whole.targets[rest] == label)])):
            start = _train(whole, inside, start)
            sums[i, own] += _wrong(whole, own, start)
            sizes[i] += int((whole.targets[inside] == label).sum())
        asked[own] += 1
        rounds += 1
    with np.errstate(invalid="ignore"):
        mean = sums / asked
    return Thinned(np.array([0.5, 1.0]), sizes / max(rounds, 1), mean)


def _rounds(whole: Problem, cost: float, seed: int) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Rows to answer, rows to learn from, and the order [N] in which those go in; in the budget."""
    left = max(1, int(_BUDGET / max(cost, 1)))
    for repeat in range(_REPEATS):
        random = np.random.default_rng((seed, repeat))
        fold, order = _deal(whole, random)
        for own in range(min(_FOLDS, left - repeat * _FOLDS)):
            inside = fold == own
            # Pictures of a label that nothing is learned of would be wrong with any head.
            rest = np.flatnonzero(~inside)
            known = np.bincount(whole.targets[rest], minlength=whole.count) >= 1
            asked = np.flatnonzero(inside & known[whole.targets])
            if len(asked) and known.sum() >= _LEAST_LABELS:
                yield asked, rest, order


def _deal(whole: Problem, random: np.random.Generator) -> tuple[Ints, Floats]:
    """Fold [N] and rank within the label [N] in [0, 1), alike within a group."""
    unique, first, inverse = np.unique(whole.groups, return_index=True, return_inverse=True)
    of_group = whole.targets[first]
    fold, rank = np.empty(len(unique), np.int64), np.empty(len(unique))
    for label in np.unique(of_group):
        members = random.permutation(np.flatnonzero(of_group == label))
        fold[members] = (np.arange(len(members)) + label) % _FOLDS
        rank[random.permutation(members)] = np.arange(len(members)) / len(members)
    return fold[inverse], rank[inverse]


def _part(whole: Problem, rest: Ints, order: Floats, share: float) -> Bools:
    """Which of `rest` are among the first `share` of their label; at least the first of each."""
    chosen = np.zeros(len(rest), bool)
    targets = whole.targets[rest]
    for label in np.unique(targets):
        members = np.flatnonzero(targets == label)
        ranks = order[rest[members]]
        least = np.sort(ranks)[max(1, round(share * len(members))) - 1]
        chosen[members[ranks <= least]] = True
    return chosen


def _train(whole: Problem, inside: Ints, start: Floats | None) -> Floats:
    targets = whole.targets[inside]
    known = np.unique(targets)
    # A label may be missing here (its only picture is in the fold): it has no weight to balance.
    weights = balance(np.searchsorted(known, targets), len(known))
    return solve(whole.features[inside], targets, weights, whole.strength, whole.count, start)


def _wrong(whole: Problem, rows: Ints, solved: Floats) -> Bools:
    logits = whole.features[rows] @ solved[:-1].astype(np.float32) + solved[-1]
    return np.asarray(logits.argmax(axis=1) != whole.targets[rows])
