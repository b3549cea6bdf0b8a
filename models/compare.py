"""Which of two models is better on the same held-out pictures, and whether that is more than luck.

The cheap one wins ties: the costly one has to show that it errs less, or that it is surer where it
is right, more than chance would explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from models.errors import ModelError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Outcome = Literal["better", "worse", "equal"]

LEVEL = 0.05
# A single answer that was given no chance must not outweigh all the others.
_LEAST_PROBABILITY = 1e-3
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Comparison:
    """A challenger next to a champion on `count` pictures.

    `fixed` pictures only the challenger got right, `broken` only the champion. `gain` is the
    challenger's accuracy less the champion's, `gain_interval` its 95 % interval, `loss_gain` the
    mean log loss (natural) that it saves. `p_better` and `p_worse` are one-sided p-values of
    errors and log loss together; `p_errors` is that of the errors alone.
    """

    outcome: Outcome
    count: int
    fixed: int
    broken: int
    gain: float
    gain_interval: tuple[float, float]
    loss_gain: float
    p_better: float
    p_worse: float
    p_errors: float

    @property
    def _surer(self) -> bool:
        """Whether the log loss shows the difference, more than the errors do."""
        worse = self.outcome == "worse"
        errors = mid_p(self.broken, self.fixed) if worse else self.p_errors
        return min(1.0, 2 * errors) > (self.p_worse if worse else self.p_better)

    @property
    def sentence(self) -> str:
        """What was found, for a person."""
        if not self.count:
            return "There are no held-out pictures to compare on yet; label more."
        found = {
            "better": "it is better",
            "worse": "it is worse",
            "equal": "that is not more than chance would explain",
        }[self.outcome]
        if self.outcome != "equal" and self._surer:
            found += ", most of all in how sure it is of what is right"
        return (
            f"Of {self.count} held-out pictures it gets {self.fixed} right that the other gets "
            f"wrong, and {self.broken} the other way round: {found} "
            f"(p = {min(self.p_better, self.p_worse):.2g})."
        )


def compare(
    champion: Floats, challenger: Floats, targets: Ints, *, level: float = LEVEL
) -> Comparison:
    """Compare probabilities [N, K] of two models with the true labels [N]. Raises ModelError.

    Errors by the one-sided mid-p McNemar test (Fagerland, Lydersen & Laake 2013, "The McNemar test
    for binary matched-pairs data"); log loss, which notices far smaller differences, by a paired
    test of its mean. The smaller of both p-values counts, doubled for the choice (Bonferroni). The
    challenger is "better" when that is below `level` and neither accuracy nor log loss point
    the other way, "worse" likewise, else "equal".
    """
    if champion.shape != challenger.shape or len(champion) != len(targets):
        raise ModelError(
            f"Two models are compared on the same pictures and labels; these are "
            f"{list(champion.shape)}, {list(challenger.shape)} and {len(targets)} truths."
        )
    if not len(targets):
        return Comparison("equal", 0, 0, 0, 0.0, (-1.0, 1.0), 0.0, 1.0, 1.0, 1.0)
    old_right = champion.argmax(axis=1) == targets
    new_right = challenger.argmax(axis=1) == targets
    fixed, broken = int((new_right & ~old_right).sum()), int((old_right & ~new_right).sum())
    saved = losses(champion, targets) - losses(challenger, targets)
    p_errors = mid_p(fixed, broken)
    p_better = min(1.0, 2 * min(p_errors, mean_above_zero(saved)))
    p_worse = min(1.0, 2 * min(mid_p(broken, fixed), mean_above_zero(-saved)))
    gain, loss_gain = (fixed - broken) / len(targets), float(saved.mean())
    outcome: Outcome = "equal"
    if p_better < level and gain >= 0 and loss_gain >= 0:
        outcome = "better"
    elif p_worse < level and gain <= 0 and loss_gain <= 0:
        outcome = "worse"
    return Comparison(
        outcome=outcome,
        count=len(targets),
        fixed=fixed,
        broken=broken,
        gain=gain,
        gain_interval=_gain_interval(fixed, broken, len(targets)),
        loss_gain=loss_gain,
        p_better=p_better,
        p_worse=p_worse,
        p_errors=p_errors,
    )


def mid_p(successes: int, failures: int) -> float:
    """P(more successes than these) + half P(as many), for a fair coin; 0.5 when nothing was thrown.

    With the numbers of pictures that only one of two models got right, McNemar's exact test for
    "the first errs less", made less timid by counting half of what was observed.
    """
    thrown = successes + failures
    point = float(stats.binom.pmf(successes, thrown, 0.5))
    return float(stats.binom.sf(successes, thrown, 0.5)) + point / 2


def losses(probabilities: Floats, targets: Ints) -> Floats:
    """Log loss (natural) of each picture [N], no more than about 7 for any of them."""
    given = probabilities[np.arange(len(targets)), targets]
    return np.asarray(-np.log(np.clip(given, _LEAST_PROBABILITY, 1)))


def mean_above_zero(differences: Floats) -> float:
    """One-sided p-value that the mean of differences [N] is above 0 by chance alone.

    Student's paired test on Hall's transformation (1992, "On the removal of skewness by
    transformation"), since a few pictures carry most of a log loss. 1 when there is nothing to
    tell by.
    """
    count = len(differences)
    deviation = float(differences.std(ddof=1)) if count > 1 else 0.0
    if deviation < 1e-12:
        return 1.0
    centred = (differences - differences.mean()) / deviation
    skewness = float((centred**3).mean())
    ratio = float(differences.mean()) / deviation
    straight = ratio + skewness * ratio**2 / 3 + skewness**2 * ratio**3 / 27
    return float(stats.t.sf(sqrt(count) * (straight + skewness / (6 * count)), count - 1))


def aligned(probabilities: Floats, labels: tuple[str, ...], wanted: tuple[str, ...]) -> Floats:
    """Probabilities [N, K] in the order of `wanted`; a label that a model does not know gets 0."""
    column = {label: i for i, label in enumerate(labels)}
    result = np.zeros((len(probabilities), len(wanted)))
    for i, label in enumerate(wanted):
        if label in column:
            result[:, i] = probabilities[:, column[label]]
    return result


def _gain_interval(fixed: int, broken: int, count: int) -> tuple[float, float]:
    """95 % interval of a difference of paired shares.

    Agresti & Min 2005, "Simple improved confidence intervals for comparing matched proportions":
    Wald's with half a picture added to each of the four cells.
    """
    up, down, total = fixed + 0.5, broken + 0.5, count + 2
    gain = (up - down) / total
    half = _Z95 * sqrt(max(up + down - (up - down) ** 2 / total, 0.0)) / total
    return max(-1.0, gain - half), min(1.0, gain + half)
