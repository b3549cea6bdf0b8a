"""From a promise to thresholds: which answers may be automatic, and what the evidence for it is.

The calibration pictures must neither have trained nor tuned the model, and must resemble what
arrives later; the tuning pictures are the training pictures, answered out of fold. Why the promised
rates then hold in finite samples is said in `threshold_test`. Where one promise is made for each of
several labels, each holds with 95 % confidence by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from models import promise as promises
from models.errors import ModelError
from models.evidence import Evidence, evidence, more_labelled
from models.guarantee_words import sentence
from models.metrics import wilson
from models.promise import Capacity, ErrorRate, ErrorRatePerLabel, Promise
from models.scored import Floats, Judged, Scored
from models.threshold_test import ThresholdTest

DELTA = 0.05
# Fewer tuning pictures of one label say less about its confidences than those of all labels.
_ENOUGH_TO_TUNE = 10


@dataclass(frozen=True)
class Guarantee:
    """Label -> confidence from which its answers are automatic (None: always ask), and why.

    `kept` says whether everything promised can be promised. `evidence` is about all automatic
    answers together, `labels` about each label's (only where the promise is made per label).
    `review_share` is the expected share of pictures that a person is asked about (None without any
    picture to tell by), `review_interval` its 95 % interval.
    """

    promise: Promise
    thresholds: dict[str, float | None]
    kept: bool
    evidence: Evidence
    review_share: float | None
    review_interval: tuple[float, float]
    labels: dict[str, Evidence] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """All of it in words, for a person."""
        return sentence(self.promise, self.thresholds, self.evidence, self.labels, self._review())

    def _review(self) -> tuple[float, float, float] | None:
        return None if self.review_share is None else (self.review_share, *self.review_interval)

    def to_json(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self) | {
            "promise": promises.to_json(self.promise),
            "review_interval": list(self.review_interval),
            "sentence": self.sentence,
        }


def guarantee(
    promise: Promise,
    labels: Sequence[str],
    tuning: Judged,
    calibration: Judged,
    *,
    candidates: int = 1,
    held_out_share: float = 0.2,
    stream: Scored | None = None,
) -> Guarantee:
    """Choose the thresholds that keep a promise, from pictures as the module describes them.

    `candidates` is among how many models the same calibration pictures were used to choose: the
    confidence of 95 % then covers all of them (Bonferroni). `stream` are recent answers whose truth
    is unknown; they tell better than the calibration pictures how many will be asked about.
    `held_out_share` is how much of what is labelled becomes calibration pictures. Raises ModelError
    for a share or number that cannot be.
    """
    if candidates < 1 or not 0 < held_out_share <= 1:
        raise ModelError("Choose among 1 or more candidates, and hold out a share above 0.")
    delta = DELTA / candidates
    seen: Scored = calibration if stream is None or not len(stream) else stream
    if isinstance(promise, ErrorRatePerLabel):
        return _per_label(promise, labels, tuning, calibration, seen, delta, held_out_share)
    threshold: float | None = 0.0
    more: int | None = 0
    if isinstance(promise, ErrorRate):
        threshold = ThresholdTest.by(tuning, promise.alpha, delta).lowest_kept(calibration)
        if threshold is None:
            more = more_labelled(tuning, calibration, promise.alpha, delta, held_out_share)
    elif isinstance(promise, Capacity):
        threshold = _affordable(seen.confidence, promise.share)
    shown = evidence(calibration, threshold, delta, more)
    thresholds: dict[str, float | None] = dict.fromkeys(labels, threshold)
    kept = not isinstance(promise, ErrorRate) or threshold is not None
    return Guarantee(promise, thresholds, kept, shown, *_review_share(seen, labels, thresholds))


def _per_label(
    promise: ErrorRatePerLabel,
    labels: Sequence[str],
    tuning: Judged,
    calibration: Judged,
    seen: Scored,
    delta: float,
    held_out_share: float,
) -> Guarantee:
    """A threshold for each label, from the pictures predicted as that label."""
    thresholds: dict[str, float | None] = {}
    shown: dict[str, Evidence] = {}
    for index, label in enumerate(labels):
        own = calibration.where(calibration.predicted == index)
        like = tuning.where(tuning.predicted == index)
        like = like if len(like) >= _ENOUGH_TO_TUNE else tuning
        found = thresholds[label] = ThresholdTest.by(like, promise.alpha, delta).lowest_kept(own)
        more: int | None = 0
        if found is None:
            more = more_labelled(like, own, promise.alpha, delta, held_out_share)
        shown[label] = evidence(own, found, delta, more)
    together = _together(calibration, labels, thresholds, delta, shown)
    review = _review_share(seen, labels, thresholds)
    kept = None not in thresholds.values()
    return Guarantee(promise, thresholds, kept, together, *review, labels=shown)


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


def reached(
    scored: Scored, labels: Sequence[str], thresholds: dict[str, float | None]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which answers [N] are automatic."""
    needed = [np.inf if thresholds[name] is None else thresholds[name] for name in labels]
    return np.asarray(scored.confidence >= np.array(needed, np.float64)[scored.predicted])


def _together(
    calibration: Judged,
    labels: Sequence[str],
    thresholds: dict[str, float | None],
    delta: float,
    shown: dict[str, Evidence],
) -> Evidence:
    """All labels' automatic answers, as if they were one label's."""
    automatic = calibration.where(reached(calibration, labels, thresholds))
    counted = evidence(automatic, 0.0, delta)
    missing = [one.more_labelled for one in shown.values()]
    more = None if None in missing else sum(one or 0 for one in missing)
    return Evidence(len(calibration), counted.answered, counted.wrong, counted.error_at_most, more)


def _review_share(
    seen: Scored, labels: Sequence[str], thresholds: dict[str, float | None]
) -> tuple[float | None, tuple[float, float]]:
    if all(threshold is None for threshold in thresholds.values()):
        return 1.0, (1.0, 1.0)
    if all(threshold == 0 for threshold in thresholds.values()):
        return 0.0, (0.0, 0.0)
    asked = len(seen) - int(reached(seen, labels, thresholds).sum())
    return (asked / len(seen) if len(seen) else None), wilson(asked, len(seen))
