"""Score a head on pictures that it was not trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models import metrics
from models.fitting import Fit, temperature
from models.heads import Head
from models.metrics import Ints, Threshold

_ENOUGH_TO_CALIBRATE = 10
_CAUTIOUS_TEMPERATURE = 1.5


def held_out(
    head: Head, embeddings: npt.NDArray[np.floating], targets: Ints, not_scored: tuple[str, ...]
) -> dict[str, Any]:
    """Scores on held-out pictures: embeddings [N, D], true labels [N]; plain values, fit for JSON.

    `not_scored` are labels that had no picture to hold out; they are named in the result.
    """
    probabilities = head.predict(embeddings) if len(targets) else np.empty((0, len(head.labels)))
    return metrics.summary(probabilities, targets, head.labels) | {"not_scored": list(not_scored)}


def summarise_folds(fit: Fit) -> dict[str, Any]:
    """Count and accuracy with its interval for the training pictures, each answered out of fold."""
    whole = metrics.summary(fit.out_of_fold, fit.targets, fit.head.labels)
    return {key: whole[key] for key in ("count", "accuracy", "accuracy_interval")}


def review_threshold(
    head: Head, embeddings: npt.NDArray[np.floating], targets: Ints, fit: Fit
) -> Threshold:
    """The default confidence below which a person is asked.

    Judged on the held-out pictures together with the out-of-fold answers to the training pictures,
    which came from heads that had not seen them either.
    """
    parts, truths = [fit.out_of_fold], [fit.targets]
    if len(targets):
        parts.append(head.predict(embeddings))
        truths.append(targets)
    return metrics.default_threshold(np.concatenate(parts), np.concatenate(truths))


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
        scores = held_out(head, embeddings, targets, not_scored)
        answers = head.predict(embeddings) if count else np.empty((0, len(head.labels)))
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
