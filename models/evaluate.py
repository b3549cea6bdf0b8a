"""Score a head on pictures that it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models import metrics
from models.heads import Head
from models.metrics import Floats, Ints, Threshold


def held_out(
    head: Head, embeddings: npt.NDArray[np.floating], targets: Ints, not_scored: tuple[str, ...]
) -> dict[str, Any]:
    """Scores on held-out pictures: embeddings [N, D], true labels [N]; plain values, fit for JSON.

    `not_scored` are labels that had no picture to hold out; they are named in the result.
    """
    probabilities = head.predict(embeddings) if len(targets) else np.empty((0, len(head.labels)))
    return metrics.summary(probabilities, targets, head.labels) | {"not_scored": list(not_scored)}


def review_threshold(
    head: Head,
    embeddings: npt.NDArray[np.floating],
    targets: Ints,
    out_of_fold: tuple[Floats, Ints],
) -> Threshold:
    """The default confidence below which a person is asked.

    Judged on the held-out pictures together with the out-of-fold answers to the training pictures,
    which came from heads that had not seen them either.
    """
    parts, truths = [out_of_fold[0]], [out_of_fold[1]]
    if len(targets):
        parts.append(head.predict(embeddings))
        truths.append(targets)
    return metrics.default_threshold(np.concatenate(parts), np.concatenate(truths))
