"""Score a head on pictures that it was not trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models import metrics
from models.fitting import temperature
from models.heads import Head
from models.metrics import Ints, Threshold
from models.track_record import TrackRecord

_ENOUGH_TO_CALIBRATE = 10
_CAUTIOUS_TEMPERATURE = 1.5


def judged(record: TrackRecord, not_scored: tuple[str, ...]) -> tuple[dict[str, Any], Threshold]:
    """Scores on held-out pictures, plain values fit for JSON, and the default threshold.

    `not_scored` are labels that had no picture to hold out; they are named in the result. The
    confidence below which a person is asked is judged on the held-out pictures together with the
    answers of cross-validation, which came from heads that had not seen those pictures either.
    """
    held_out, tuning = record.held_out, record.tuning
    scores = metrics.summary(held_out.probabilities, held_out.targets, record.labels)
    folds = metrics.summary(tuning.probabilities, tuning.targets, record.labels)
    scores |= {
        "not_scored": list(not_scored),
        "cross_validation": {key: folds[key] for key in ("count", "accuracy", "accuracy_interval")},
    }
    threshold = metrics.default_threshold(
        np.concatenate([tuning.probabilities, held_out.probabilities]),
        np.concatenate([tuning.targets, held_out.targets]),
    )
    return scores, threshold


def calibrate_from_scratch(
    head: Head,
    embeddings: npt.NDArray[np.floating],
    targets: Ints,
    not_scored: tuple[str, ...],
) -> tuple[Head, dict[str, Any], Threshold]:
    """Temperature, scores and threshold for a network that has trained on all but the held-out.

    Its answers to what it trained on say nothing about its confidence, so the held-out pictures
    have to. No picture is scored with a temperature that it had a part in: each half's comes from
    the other half. The labels that were chosen, and so the accuracy, depend on no temperature.
    """
    count = len(targets)
    if count < 2 * _ENOUGH_TO_CALIBRATE:
        head = replace(head, temperature=_CAUTIOUS_TEMPERATURE)
        answers = head.predict(embeddings) if count else np.empty((0, len(head.labels)))
        scores = metrics.summary(answers, targets, head.labels) | {"not_scored": list(not_scored)}
        return head, scores, metrics.default_threshold(answers, targets)
    logits = head.logits(embeddings)
    halves = np.arange(count) % 2
    answers = np.empty_like(logits)
    for half in (0, 1):
        own, other = halves == half, halves != half
        tempered = replace(head, temperature=temperature(logits[other], targets[other]))
        answers[own] = tempered.predict(embeddings[own])
    scores = metrics.summary(answers, targets, head.labels) | {"not_scored": list(not_scored)}
    head = replace(head, temperature=temperature(logits, targets))
    return head, scores, metrics.default_threshold(answers, targets)
