"""Exact tests and bounds for a share of wrong answers, from the binomial distribution."""

from __future__ import annotations

from math import ceil, log, log1p

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, betaincinv
from scipy.stats import binom

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def p_values(wrong: npt.ArrayLike, answered: npt.ArrayLike, rate: float) -> Floats:
    """P(Binomial(answered, rate) <= wrong): small where the error rate is hardly above `rate`.

    The exact p-value of "the error rate is above `rate`"; arrays broadcast. 1 where nothing was
    answered.
    """
    wrong, answered = np.asarray(wrong, np.float64), np.asarray(answered, np.int64)
    return np.asarray(np.where(wrong >= answered, 1.0, bdtr(wrong, answered, rate)), np.float64)


def most_wrong(answered: npt.ArrayLike, rate: float, delta: float) -> Ints:
    """The most wrong answers with which `p_values` is still at most `delta`; -1 where none is."""
    answered = np.asarray(answered, np.int64)
    first = np.maximum(np.asarray(binom.ppf(delta, answered, rate), np.int64), 0)
    # ppf is the first count that reaches delta; only where it does so exactly is it allowed.
    return np.where(p_values(first, answered, rate) <= delta, first, first - 1)


def fewest_answers(rate: float, delta: float) -> int:
    """How many answers, all of them right, show an error rate of at most `rate`."""
    return ceil(log(delta) / log1p(-rate) - 1e-9)


def upper_bound(wrong: int, answered: int, delta: float = 0.05) -> float:
    """One-sided upper bound of the error rate at confidence 1 - delta (Clopper and Pearson 1934).

    "The use of confidence or fiducial limits illustrated in the case of the binomial". 1 where
    nothing was answered.
    """
    return 1.0 if wrong >= answered else float(betaincinv(wrong + 1, answered - wrong, 1 - delta))


def lower_bound(wrong: int, answered: int, delta: float = 0.05) -> float:
    """One-sided lower bound of the error rate at confidence 1 - delta; 0 without an error."""
    return 0.0 if wrong == 0 else float(betaincinv(wrong, answered - wrong + 1, delta))


def interval(wrong: int, answered: int, delta: float = 0.05) -> tuple[float, float]:
    """Exact two-sided interval of the error rate at confidence 1 - delta; (0, 1) if empty."""
    return lower_bound(wrong, answered, delta / 2), upper_bound(wrong, answered, delta / 2)
