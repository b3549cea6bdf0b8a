"""Which threshold each label gets for a promise, and which answers are automatic then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.learn_then_test import ThresholdTest
from models.promise import AskNothing, Capacity, ErrorRate, Promise
from models.scored import Floats, Judged, Scored

# Label -> confidence from which its answers are automatic; None: a person is always asked.
Thresholds = dict[str, float | None]

DELTA = 0.05
# Fewer tuning pictures of one label say less about its confidences than those of all labels.
_ENOUGH_TO_TUNE = 10


def choose(
    promise: Promise,
    labels: Sequence[str],
    tuning: Judged,
    calibration: Judged,
    *,
    delta: float = DELTA,
    stream: Scored | None = None,
) -> Thresholds:
    """The thresholds that keep a promise with probability 1 - delta over the calibration pictures.

    The calibration pictures must neither have trained nor tuned the model; `stream` are recent
    answers whose truth is unknown, which a capacity goes by if there are any.
    """
    threshold: float | None
    if isinstance(promise, AskNothing):
        threshold = 0.0
    elif isinstance(promise, Capacity):
        seen: Scored = calibration if stream is None or not len(stream) else stream
        threshold = _affordable(seen.confidence, promise.share)
    elif isinstance(promise, ErrorRate):
        threshold = ThresholdTest.by(tuning, promise.alpha, delta).lowest_kept(calibration)
    else:
        found: Thresholds = {}
        for index, label in enumerate(labels):
            like, own = of_label(tuning, calibration, index)
            found[label] = ThresholdTest.by(like, promise.alpha, delta).lowest_kept(own)
        return found
    return dict.fromkeys(labels, threshold)


def of_label(tuning: Judged, calibration: Judged, label: int) -> tuple[Judged, Judged]:
    """The tuning and calibration pictures that tell of the answers that predict one label.

    Where few of its own tuning pictures exist, those of all labels tell more.
    """
    like = tuning.where(tuning.predicted == label)
    own = calibration.where(calibration.predicted == label)
    return (like if len(like) >= _ENOUGH_TO_TUNE else tuning), own


def _affordable(confidences: Floats, share: float) -> float | None:
    """The threshold that at most `share` of these confidences miss; None where all may be asked.

    It lies just above the surest picture that is asked about. Given that picture's confidence, the
    surer ones are draws from all pictures that would be answered, so the binomial bound of the
    error is exact even where the calibration pictures' own confidences choose the threshold (as
    long as confidences hardly ever tie).
    """
    ordered = np.sort(confidences)
    asked = int(share * len(ordered) + 1e-9)
    if asked >= len(ordered):
        return None
    asked = int(np.searchsorted(ordered, ordered[asked], side="left"))
    return float(np.nextafter(ordered[asked - 1], np.inf)) if asked else 0.0


def reached(scored: Scored, labels: Sequence[str], thresholds: Thresholds) -> npt.NDArray[np.bool_]:
    """Which answers [N] are automatic."""
    needed = [np.inf if thresholds[name] is None else thresholds[name] for name in labels]
    return np.asarray(scored.confidence >= np.array(needed, np.float64)[scored.predicted])
