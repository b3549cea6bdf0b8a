"""Likely wrong labels, by confident learning: what out-of-fold answers say of the labels given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# The answer contradicts the label where it all but excludes it, is more sure than not of another,
# and by this factor surer of that; anything milder is a picture that is hard to tell.
_OWN, _OTHER, _RATIO = 0.1, 0.5, 10.0


@dataclass(frozen=True)
class Suspect:
    """A picture (its index) whose label is likely wrong; `given` and `suggested` index labels.

    `score` 0..1 is by how much the suggested label's probability exceeds the given one's.
    """

    index: int
    given: int
    suggested: int
    score: float
    reason: str


@dataclass(frozen=True)
class Noise:
    """What the labels as a whole look like, and the suspects, most suspicious first.

    `joint` float64 [K, K] estimates how many pictures have the label of the row and truly belong to
    that of the column. `share` is the share off its diagonal: it counts what the model cannot tell
    apart as well as what people mislabelled, so it is an upper estimate of the latter.
    """

    joint: Floats
    share: float
    suspects: tuple[Suspect, ...]


def find_noise(probabilities: Floats, given: Ints, labels: Sequence[str]) -> Noise:
    """Find likely wrong labels from out-of-fold probabilities [N, K] and the labels given [N].

    The joint is that of Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating
    Uncertainty in Dataset Labels": a picture counts for another label if that label's probability
    reaches what it is on average for the pictures that have it. Suspects are pictures whose answer
    all but excludes their label; asking them to reach that average too would miss a sixth of the
    wrong labels and spare hardly any right ones (measured). The only picture of a label is never
    accused, since no model has learned the label from another one. Raises ModelError where shapes
    do not match.
    """
    count = len(labels)
    if probabilities.shape != (len(given), count):
        raise ModelError(
            f"{len(given)} pictures and {count} labels need probabilities "
            f"[{len(given)}, {count}], not {list(probabilities.shape)}."
        )
    if not len(given) or count < 2:
        return Noise(np.diag(np.bincount(given, minlength=count).astype(np.float64)), 0.0, ())
    sizes = np.bincount(given, minlength=count)
    counted = _confident(probabilities, given, sizes)
    joint = _joint(counted, given, sizes)
    share = float(1 - np.trace(joint) / joint.sum())
    rows, best = np.arange(len(given)), probabilities.argmax(axis=1)
    own, other = probabilities[rows, given], probabilities[rows, best]
    accused = (own <= _OWN) & (other >= _OTHER) & (other >= _RATIO * own) & (sizes[given] > 1)
    chosen = np.flatnonzero(accused)
    chosen = chosen[np.argsort(own[chosen] - other[chosen], kind="stable")]
    suspects = (_suspect(int(i), given, best, probabilities, labels) for i in chosen)
    return Noise(joint, share, tuple(suspects))


def _confident(probabilities: Floats, given: Ints, sizes: Ints) -> Ints:
    """The label [N] that each picture counts for: its own where nothing is reached."""
    count = len(sizes)
    own = probabilities[np.arange(len(given)), given]
    totals = np.bincount(given, weights=own, minlength=count)
    # A label nobody could learn yet has a threshold near zero and would collect everything.
    thresholds = np.maximum(totals / np.maximum(sizes, 1), 1 / count)
    reached = np.where((probabilities >= thresholds) & (sizes > 0), probabilities, -1.0)
    best = reached.argmax(axis=1)
    return np.where(reached.max(axis=1) >= 0, best, given)


def _joint(counted: Ints, given: Ints, sizes: Ints) -> Floats:
    """Counts by given and counted label, each row scaled to the pictures that the label has."""
    counts = np.zeros((len(sizes), len(sizes)))
    np.add.at(counts, (given, counted), 1)
    sums = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts * sizes[:, None] / np.maximum(sums, 1), np.float64)


def _suspect(
    index: int, given: Ints, best: Ints, probabilities: Floats, labels: Sequence[str]
) -> Suspect:
    own, other = int(given[index]), int(best[index])
    p_own, p_other = float(probabilities[index, own]), float(probabilities[index, other])
    reason = (
        f"A model that never saw this picture is {_percent(p_other)} sure that it is "
        f'"{labels[other]}" and gives the label "{labels[own]}" {_percent(p_own)}.'
    )
    return Suspect(index, own, other, max(0.0, p_other - p_own), reason)


def _percent(probability: float) -> str:
    if probability < 0.01:
        return "less than 1 %"
    return f"{min(round(100 * probability), 99)} %"
