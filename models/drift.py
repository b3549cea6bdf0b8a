"""Drift: do the pictures that come now still look like those the classifier was made for?

Two tests, each at half the level. Embeddings: the maximum mean discrepancy (Gretton, Borgwardt,
Rasch, Schölkopf and Smola 2012, "A Kernel Two-Sample Test") with random Fourier features (Rahimi
and Recht 2007), judged by permutations that stop early where nothing is to be seen (Besag and
Clifford 1991, "Sequential Monte Carlo p-values"). Confidence: Kolmogorov and Smirnov's test.
Who looks every day gets a chance every day to be alarmed by nothing, so the level is divided by the
number of looks that the promise is to hold for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist, pdist
from scipy.stats import ks_2samp
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.directions import Floats32, principal_axes, roots, table
from models.errors import ModelError

Ints = npt.NDArray[np.int64]
Ranks = tuple[int, ...]

# The chance of any false alarm in this many looks (a month of daily ones).
FALSE_ALARMS, LOOKS = 0.01, 30
# Below so many pictures on either side there is no verdict.
FEWEST = 20
_MOST = 2000
_AXES, _FEATURES, _FOR_BANDWIDTH = 64, 256, 500
_PERMUTATIONS, _EXCEEDANCES, _PIECE = 19_999, 20, 250
_SHOWN = 12


@dataclass(frozen=True)
class Drift:
    """What the comparison says.

    `drifted` is None where there are too few pictures to say. `p_value` is of both tests together
    (Bonferroni), to be held against `level`. `most_unlike` are indices into the recent pictures:
    the dozen farthest from every reference picture, which exist whether anything changed or not.
    """

    drifted: bool | None
    p_value: float | None
    level: float
    embedding_p: float | None
    confidence_p: float | None
    most_unlike: Ranks
    verdict: str


def drift(
    reference: npt.NDArray[np.floating],
    recent: npt.NDArray[np.floating],
    reference_confidence: npt.NDArray[np.floating] | None = None,
    recent_confidence: npt.NDArray[np.floating] | None = None,
    *,
    looks: int = LOOKS,
    false_alarms: float = FALSE_ALARMS,
    seed: int = 0,
) -> Drift:
    """Compare recent pictures' embeddings [M, D] with reference pictures' [N, D].

    Confidences [N] and [M], the model's own for its answers, are compared too where both are given.
    If nothing has changed, the chance of an alarm in any of `looks` looks is at most
    `false_alarms`, provided that pictures come independently: of a burst of near-duplicates, hand
    in one. The reference should be pictures of the same stream (an earlier window, or held-out
    answers), since training pictures are often picked by hand and differ from any stream. Beyond
    2,000 a side a sample is compared. Deterministic for a seed. Raises ModelError.
    """
    before, now = table(reference), table(recent)
    if before.shape[1] != now.shape[1]:
        raise ModelError(
            "The embeddings are of two backbones and cannot be compared; embed both with one.",
            code="other_backbone",
        )
    level = false_alarms / max(looks, 1)
    if (few := min(len(before), len(now))) < FEWEST:
        verdict = (
            f"Too few pictures to tell whether they changed: it takes {FEWEST} on either side, "
            f"and one side has {few}."
        )
        return Drift(None, None, level, None, None, (), verdict)
    with threadpool_limits(1, user_api="blas"):
        embedding_p, foreign = _compare(before, now, np.random.default_rng(seed))
    p_value, confidence_p, shift = embedding_p, None, ""
    if reference_confidence is not None and recent_confidence is not None:
        confidence_p = float(ks_2samp(reference_confidence, recent_confidence).pvalue)
        p_value = min(1.0, 2 * min(embedding_p, confidence_p))
        shift = (
            f"the median confidence went from {np.median(reference_confidence):.2f} "
            f"to {np.median(recent_confidence):.2f}"
        )
    found = []
    # Each test alone is held against its part of the level.
    part = level if confidence_p is None else level / 2
    if embedding_p <= part:
        found.append("they look different")
    if confidence_p is not None and confidence_p <= part:
        found.append(shift)
    return Drift(
        bool(found), p_value, level, embedding_p, confidence_p, foreign, _verdict(found, p_value)
    )


def _verdict(found: list[str], p_value: float) -> str:
    shown = f"p = {p_value:.2g}"
    if not found:
        return f"No change that chance would not explain ({shown})."
    return f"The pictures have changed ({shown}): {', and '.join(found)}."


def _compare(before: Floats32, now: Floats32, random: np.random.Generator) -> tuple[float, Ranks]:
    """p-value of the embeddings, and the recent pictures most unlike the reference."""
    kept = _sample(len(before), random), _sample(len(now), random)
    pooled = roots(np.concatenate([before[kept[0]], now[kept[1]]]))
    pooled -= pooled.mean(axis=0)
    # Whatever is learned here is learned from both sides alike, so that permuting stays exact.
    axes = principal_axes(pooled, _AXES)[0]
    points = np.asarray(pooled @ axes.T, np.float32)
    features = _fourier(points, random)
    features -= features.mean(axis=0)
    split = len(kept[0])
    gap = features[split:].mean(axis=0) - features[:split].mean(axis=0)
    nearest = cdist(points[split:], points[:split]).min(axis=1)
    foreign = tuple(int(i) for i in kept[1][np.argsort(-nearest, kind="stable")[:_SHOWN]])
    return _permutation_p(features, split, float(gap @ gap), random), foreign


def _sample(count: int, random: np.random.Generator) -> Ints:
    if count <= _MOST:
        return np.arange(count)
    return np.sort(random.choice(count, _MOST, replace=False))


def _fourier(points: Floats32, random: np.random.Generator) -> Floats32:
    """Features [N, F] whose products are a Gaussian kernel of twice the median distance."""
    some = points[random.permutation(len(points))[:_FOR_BANDWIDTH]]
    width = 2 * max(float(np.median(pdist(some))), 1e-6)
    waves = random.standard_normal((points.shape[1], _FEATURES // 2), dtype=np.float32) / width
    phases = points @ waves
    return np.concatenate([np.cos(phases), np.sin(phases)], axis=1)


def _permutation_p(
    features: Floats32, split: int, seen: float, random: np.random.Generator
) -> float:
    """Share of random divisions into two sides that lie at least as far apart as seen.

    Stops at the first _EXCEEDANCES of them, where the share is already known well enough.
    """
    count = len(features)
    # With centred features one side's sum tells the other's.
    scale = 1 / (count - split) + 1 / split
    done = exceeded = 0
    while done < _PERMUTATIONS:
        piece = min(_PIECE, _PERMUTATIONS - done)
        chosen = np.zeros((piece, count), np.float32)
        ranks = np.argpartition(random.random((piece, count), np.float32), split, axis=1)
        np.put_along_axis(chosen, ranks[:, split:], np.float32(1), axis=1)
        sums = chosen @ features
        apart = np.einsum("pf,pf->p", sums, sums) * scale**2
        hits = np.flatnonzero(apart >= seen * (1 - 1e-5))
        if exceeded + len(hits) >= _EXCEEDANCES:
            return _EXCEEDANCES / (done + int(hits[_EXCEEDANCES - exceeded - 1]) + 1)
        exceeded += len(hits)
        done += piece
    return (exceeded + 1) / (done + 1)
