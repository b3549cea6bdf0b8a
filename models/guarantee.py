"""From a promise to thresholds: which answers may be automatic, and what the evidence for it is.

The calibration pictures must neither have trained nor tuned the model, and must resemble what
arrives later; the tuning pictures are the training pictures, answered out of fold. Why the promised
rates then hold in finite samples is said in `learn_then_test`. Where a promise is made for each
label, each holds with 95 % confidence by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from models import promise as promises
from models.errors import ModelError
from models.evidence import Evidence, evidence, more_labelled
from models.guarantee_words import sentence
from models.metrics import wilson
from models.promise import ErrorRate, ErrorRatePerLabel, Promise
from models.scored import Judged, Scored
from models.thresholds import DELTA, Thresholds, choose, of_label, reached


@dataclass(frozen=True)
class Guarantee:
    """Label -> confidence from which its answers are automatic (None: always ask), and why.

    `kept` says whether everything promised can be promised. `evidence` is about all automatic
    answers together, `labels` about each label's (only where the promise is made per label).
    `review_share` is the expected share of pictures that a person is asked about (None without any
    picture to tell by), `review_interval` its 95 % interval.
    """

    promise: Promise
    thresholds: Thresholds
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
    thresholds = choose(promise, labels, tuning, calibration, delta=delta, stream=stream)
    review = _review_share(seen, labels, thresholds)
    if isinstance(promise, ErrorRatePerLabel):
        shown = {}
        for index, (label, threshold) in enumerate(thresholds.items()):
            like, own = of_label(tuning, calibration, index)
            more = _missing(threshold, like, own, promise.alpha, delta, held_out_share)
            shown[label] = evidence(own, threshold, delta, more)
        kept = None not in thresholds.values()
        together = _together(calibration, labels, thresholds, delta, shown)
        return Guarantee(promise, thresholds, kept, together, *review, labels=shown)
    threshold, more = next(iter(thresholds.values()), None), 0
    if isinstance(promise, ErrorRate):
        more = _missing(threshold, tuning, calibration, promise.alpha, delta, held_out_share)
    together = evidence(calibration, threshold, delta, more)
    return Guarantee(promise, thresholds, more == 0, together, *review)


def _missing(
    threshold: float | None,
    tuning: Judged,
    calibration: Judged,
    alpha: float,
    delta: float,
    held_out_share: float,
) -> int | None:
    if threshold is not None:
        return 0
    return more_labelled(tuning, calibration, alpha, delta, held_out_share)


def _together(
    calibration: Judged,
    labels: Sequence[str],
    thresholds: Thresholds,
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
    seen: Scored, labels: Sequence[str], thresholds: Thresholds
) -> tuple[float | None, tuple[float, float]]:
    if all(threshold is None for threshold in thresholds.values()):
        return 1.0, (1.0, 1.0)
    if all(threshold == 0 for threshold in thresholds.values()):
        return 0.0, (0.0, 0.0)
    asked = len(seen) - int(reached(seen, labels, thresholds).sum())
    return (asked / len(seen) if len(seen) else None), wilson(asked, len(seen))
