"""The lowest threshold of which calibration pictures show that it keeps an error rate.

Learn then Test (Angelopoulos, Bates, Candès, Jordan and Lei 2021, "Learn then Test: Calibrating
Predictive Algorithms to Achieve Risk Control") for the selective risk of Geifman and El-Yaniv 2017,
"Selective Classification for Deep Neural Networks": the error rate R(t) among the answers whose
confidence reaches t. Why it is right:

- For a threshold t that the calibration pictures had no part in choosing, each of the m of them
  that reach t is a draw from the pictures that would be answered automatically. Given m, the wrong
  ones are therefore Binomial(m, R(t)), and P(Binomial(m, alpha) <= wrong) is a p-value of
  "R(t) > alpha": at most delta with probability at most delta, whatever m turned out to be.
- The thresholds, their order and the first to be tested are fixed by the tuning pictures, which are
  independent of the calibration pictures. They are tested in turn, each at the whole delta, until
  one is not shown to keep the rate (fixed-sequence testing, Maurer, Hothorn and Lehmacher 1995;
  Bauer 1991). To end at a threshold with R(t) > alpha, the first such one in the order must have
  been passed, which has probability at most delta. How many there are costs nothing.
- The probability is that of a promise both made and broken, over all draws of the calibration
  pictures. Where the evidence seldom suffices, the few promises made are the lucky ones, and more
  than delta of those may be broken; the audits of `live_error` find them.
- The number n of calibration pictures may be used too: it says nothing about their answers. For one
  label the same holds given the predicted labels, with the pictures predicted as that label.

The order goes to ever lower thresholds, so the last one passed answers the most. The first is the
one at which the tuning pictures promise the test the best chance: too high a threshold leaves too
few answers to show anything, too low a one has too many errors. Splitting delta over several starts
(Bauer 1991, fallback), a start at a lower threshold, finer steps, and a path of thresholds shifted
by label were measured on real pictures and automate no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, betaincinv, ndtri

from models.binomial import most_wrong, p_values
from models.scored import Judged

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STEPS = 50
# Where no answer of any kind is at hand to fix an order by, one that needs none.
_BLIND = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.0])
# Midpoints of equal parts, as cheap stand-ins for an integral over what is not known.
_PARTS = (np.arange(9) + 0.5) / 9
_FEW_PARTS = (np.arange(5) + 0.5) / 5


@dataclass(frozen=True)
class Outlook:
    """What is expected at each threshold [T], from pictures that do not test them.

    Counts of pictures that reach it, of wrong ones among those, the error by the confidences alone,
    and the count of all pictures.
    """

    thresholds: Floats
    answered: Ints
    wrong: Ints
    doubt: Floats
    total: int

    @classmethod
    def of(cls, pictures: Judged, thresholds: Floats) -> Outlook:
        """From pictures with known labels."""
        answered, wrong = pictures.counts(thresholds)
        order = np.argsort(pictures.confidence)
        below = np.concatenate([[0.0], np.cumsum(1 - pictures.confidence[order])])
        doubt = (below[-1] - below[len(pictures) - answered]) / np.maximum(answered, 1)
        return cls(thresholds, answered, wrong, np.clip(doubt, 1e-9, 1), len(pictures))

    def error(self) -> Floats:
        """Expected error rate at each threshold: the counts with one picture's worth of doubt."""
        return np.asarray((self.wrong + self.doubt) / (self.answered + 1))

    def errors(self) -> Floats:
        """Plausible error rates [T, parts] at each threshold: the posterior's quantiles."""
        wrong, right = self.wrong + self.doubt, self.answered - self.wrong + 1 - self.doubt
        return np.asarray(betaincinv(wrong[:, None], right[:, None] + 1e-9, _PARTS))

    def share(self) -> Floats:
        """Expected share of pictures that reach each threshold."""
        everything = self.thresholds <= 0
        return np.where(everything, 1.0, (self.answered + 0.5) / (self.total + 1))

    def reached(self, pictures: int) -> Ints:
        """How many of `pictures` may plausibly reach each threshold: [T, parts]."""
        share = self.share()[:, None]
        spread = share * (1 - share) * (1 / max(pictures, 1) + 1 / (self.total + 2))
        reached = np.round(pictures * (share + np.sqrt(spread) * ndtri(_FEW_PARTS)))
        return np.asarray(np.clip(reached, 0, pictures), np.int64)


@dataclass(frozen=True)
class ThresholdTest:
    """The thresholds [T] in the order of their test, and what the tuning pictures expect of it."""

    thresholds: Floats
    outlook: Outlook
    errors: Floats
    alpha: float
    delta: float

    @classmethod
    def by(cls, tuning: Judged, alpha: float, delta: float) -> ThresholdTest:
        """Fixed by the tuning pictures alone: their confidences say where steps make sense."""
        distinct = np.unique(tuning.confidence)
        path = _BLIND
        if len(distinct):
            between = np.concatenate([[0.0], (distinct[1:] + distinct[:-1]) / 2])
            steps = np.linspace(0, len(between) - 1, min(_STEPS, len(between)))
            path = between[np.unique(np.round(steps).astype(int))][::-1]
        outlook = Outlook.of(tuning, path)
        return cls(path, outlook, outlook.errors(), alpha, delta)

    def first(self, pictures: int) -> int:
        """Where to begin if there are `pictures` calibration pictures: the best chance to pass.

        Chances are averaged with their neighbours', a tenth of the thresholds to either side: the
        highest single one owes too much to luck. Measured to automate 2 points more.
        """
        if not self.outlook.total:
            return 0
        reach = len(self.thresholds) // 10
        padded = np.pad(self.chances(pictures), reach, mode="edge")
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
        return int(around.mean(axis=1).argmax())

    def chances(self, pictures: int) -> Floats:
        """The probability [T] to pass at each threshold with `pictures` calibration pictures.

        Averages over the plausible error rates and numbers of answers.
        """
        answered = self.outlook.reached(pictures)
        allowed = most_wrong(answered, self.alpha, self.delta)[:, :, None]
        passed = bdtr(np.maximum(allowed, 0), answered[:, :, None], self.errors[:, None, :])
        return np.asarray(np.where(allowed >= 0, passed, 0.0).mean(axis=(1, 2)))

    def lowest_kept(self, calibration: Judged) -> float | None:
        """The lowest threshold that is passed, or None where not even the first is.

        With probability at least 1 - delta over the calibration pictures, at most `alpha` of the
        answers that reach it are wrong.
        """
        path = self.thresholds[self.first(len(calibration)) :]
        answered, wrong = calibration.counts(path)
        passed = p_values(wrong, answered, self.alpha) <= self.delta
        last = len(path) if passed.all() else int(passed.argmin())
        return float(path[last - 1]) if last else None
