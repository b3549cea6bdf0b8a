"""Groups of look-alikes in a heap without labels, for labelling many pictures at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.directions import Floats32, principal_axes, roots, units

Ints = npt.NDArray[np.int64]

# Pictures a group should hold on average: more save clicks, fewer hold one kind only.
_PER_GROUP, _MOST_GROUPS = 12, 400
_AXES, _ROUNDS, _CANDIDATES = 64, 12, 4


@dataclass(frozen=True)
class Group:
    """Pictures (their indices) that look alike, the most typical first.

    `tightness` is the mean cosine between two of them, 1 for identical ones and for a single one.
    """

    members: tuple[int, ...]
    tightness: float


def places(embeddings: npt.NDArray[np.floating], axes: int = _AXES) -> Floats32:
    """Unit vectors float32 [N, R] for grouping embeddings [N, D].

    The leading principal axes of the centred root embeddings, each scaled by the root of its
    length, so that the first few do not decide everything.
    """
    rooted = roots(embeddings)
    if not len(rooted):
        return rooted
    rooted -= rooted.mean(axis=0)
    found, lengths = principal_axes(rooted, axes)
    real = lengths > 1e-4 * max(float(lengths.max(initial=0)), 1e-12)
    scaled = found[real] / np.sqrt(lengths[real])[:, None]
    return units(np.asarray(rooted @ scaled.T, np.float32))


def lookalikes(
    embeddings: npt.NDArray[np.floating], count: int | None = None, *, seed: int = 0
) -> list[Group]:
    """Group embeddings [N, D] into look-alikes, tight groups first and single pictures last.

    `count` is the number of groups to look for (None: one for about a dozen pictures, up to 400);
    fewer come back where pictures coincide. By spherical k-means (Dhillon and Modha 2001, "Concept
    Decompositions") from greedy k-means++ seeds (Arthur and Vassilvitskii 2007). Deterministic for
    a seed.
    """
    total = len(embeddings)
    if not total:
        return []
    wanted = -(-total // _PER_GROUP) if count is None else count
    wanted = min(max(wanted, 1), _MOST_GROUPS, total)
    with threadpool_limits(1, user_api="blas"):
        points = places(embeddings)
        assigned, centres = spherical_kmeans(points, wanted, seed)
    fit = np.einsum("nr,nr->n", points, centres[assigned])
    order = np.lexsort((-fit, assigned))
    bounds = np.flatnonzero(np.diff(assigned[order])) + 1
    groups = [
        Group(tuple(int(i) for i in members), _tightness(points[members]))
        for members in np.split(order, bounds)
    ]
    return sorted(groups, key=lambda group: (len(group.members) == 1, -group.tightness))


def _tightness(points: Floats32) -> float:
    """Mean cosine of two different rows; unlike the mean to the centre, fair to small groups."""
    count = len(points)
    if count < 2:
        return 1.0
    total = points.sum(axis=0, dtype=np.float64)
    return float((total @ total - count) / (count * (count - 1)))


def spherical_kmeans(points: Floats32, count: int, seed: int = 0) -> tuple[Ints, Floats32]:
    """Assign unit vectors [N, R] to at most `count` centres: int64 [N] and unit float32 [C, R]."""
    centres = points[_seeds(points, count, np.random.default_rng(seed))]
    assigned = np.asarray((points @ centres.T).argmax(axis=1), np.int64)
    for _ in range(_ROUNDS):
        sums = np.zeros_like(centres)
        np.add.at(sums, assigned, points)
        moved = units(sums, 1e-6)
        # A centre that lost its pictures, or whose pictures cancel out, stays where it was.
        centres = np.where(moved.any(axis=1, keepdims=True), moved, centres)
        again = np.asarray((points @ centres.T).argmax(axis=1), np.int64)
        if np.array_equal(again, assigned):
            break
        assigned = again
    return assigned, centres


def _seeds(points: Floats32, count: int, random: np.random.Generator) -> Ints:
    """Indices of starting centres, each the best of a few drawn in proportion to distance."""
    chosen = [int(random.integers(len(points)))]
    apart = np.maximum(1 - points @ points[chosen[0]], 0)
    while len(chosen) < count and (total := float(apart.sum(dtype=np.float64))) > 1e-6:
        shares = np.cumsum(apart, dtype=np.float64) / total
        drawn = np.searchsorted(shares, random.random(_CANDIDATES)).clip(max=len(points) - 1)
        after = np.minimum(apart, np.maximum(1 - points[drawn] @ points.T, 0))
        best = int(after.sum(axis=1).argmin())
        chosen.append(int(drawn[best]))
        apart = after[best]
    return np.array(chosen, np.int64)
