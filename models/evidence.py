"""How far the evidence for a promised error rate goes, and how much more of it is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from scipy.special import bdtr

from models.binomial import most_wrong, upper_bound
from models.learn_then_test import Outlook, ThresholdTest
from models.scored import Judged
from models.wording import about

# A forecast aims at nine chances in ten. What it goes by is uncertain too, and the thresholds with
# the best prospects were partly lucky: on synthetic answers it came true about seven times in ten.
_CHANCE = 0.9
_LIMIT = 20_000


@dataclass(frozen=True)
class Evidence:
    """What calibration pictures show of the automatic answers at a fixed threshold.

    `pictures` is how many there are, `answered` how many reach the threshold, `wrong` how many of
    those are wrong, `error_at_most` the exact upper bound of the error rate (Clopper-Pearson,
    one-sided): at this threshold taken by itself; that the promised rate is kept stays true for a
    threshold that was searched for. `more_labelled` is about how many more labelled pictures the
    promise takes: 0 where it is kept, None where more pictures alone are not expected to do.
    """

    pictures: int
    answered: int
    wrong: int
    error_at_most: float
    more_labelled: int | None = 0


def evidence(
    calibration: Judged, threshold: float | None, delta: float, more_labelled: int | None = 0
) -> Evidence:
    """Count the calibration pictures that reach a threshold; None is reached by none."""
    if threshold is None:
        return Evidence(len(calibration), 0, 0, 1.0, more_labelled)
    answered, wrong = (int(count[0]) for count in calibration.counts(np.array([threshold])))
    bound = upper_bound(wrong, answered, delta)
    return Evidence(len(calibration), answered, wrong, bound, more_labelled)


def more_labelled(
    tuning: Judged, calibration: Judged, alpha: float, delta: float, held_out_share: float = 0.2
) -> int | None:
    """About how many more labelled pictures it takes until the promise can be made.

    Supposes that answers stay as good as those so far, that the test stays the one that the tuning
    pictures fix, and that `held_out_share` of the new
    pictures joins the calibration pictures. A forecast, not part of any guarantee. None where
    it would take hopelessly many.
    """
    test = ThresholdTest.by(tuning, alpha, delta)
    answered, wrong = calibration.counts(test.thresholds)
    known = Outlook.of(tuning.joined(calibration), test.thresholds)
    error, share = known.error(), known.share()

    def enough(more: int) -> bool:
        first = test.first(len(calibration) + more)
        new = int(more * share[first])
        spare = int(most_wrong(answered[first] + new, alpha, delta)) - int(wrong[first])
        return spare >= 0 and bool(bdtr(min(spare, new), new, error[first]) >= _CHANCE)

    held_out = _first(enough)
    return None if held_out is None else about(ceil(held_out / held_out_share))


def _first(enough: Callable[[int], bool]) -> int | None:
    """The fewest, to within a twentieth, that are enough, by halving ratios; None if too many."""
    low, fewest = 0, _LIMIT
    if not enough(fewest):
        return None
    while fewest - low > max(1, fewest // 20):
        middle = round(sqrt(max(low, 1) * fewest))
        middle = min(max(middle, low + 1), fewest - 1)
        low, fewest = (low, middle) if enough(middle) else (middle, fewest)
    return fewest
