"""Near-duplicates: the same picture saved again, resized, brightened or cropped a little.

Embeddings alone cannot tell them from distinct pictures of a narrow subject (measured on steel
surfaces, halving a picture moves its embedding further than the next distinct picture is away).
So the proof is a thumbnail without its finest and coarsest detail, and the embedding helps where
the thumbnail is in doubt. Without thumbnails only copies that are practically exact are found.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.directions import Floats32, roots, units
from models.errors import ModelError
from models.neighbours import close_pairs

Ints = npt.NDArray[np.int64]

THUMBNAIL = 32
# Correlation of two thumbnails that proves, or that is proof together with near embeddings.
_PROOF, _HINT = 0.965, 0.85
# Distances of embeddings, as shares of the distance at which a set's pictures usually lie: its
# median picture's to the third nearest, so that sets full of pairs are measured alike.
_NEAR, _SAME = 0.55, 0.18
_RANK, _SAMPLE = 3, 256
_FINE, _COARSE = 1.0, 4.0
# Root mean square, in grey levels, below which a thumbnail shows nothing to compare.
_FLAT = 0.5


def thumbnail(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A decoded picture uint8 [H, W, 3] or [H, W] -> its grey thumbnail uint8 [32, 32]."""
    small = Image.fromarray(picture).convert("L").resize((THUMBNAIL,) * 2, Image.Resampling.BOX)
    return np.asarray(small)


def near_duplicates(
    embeddings: npt.NDArray[np.floating], thumbnails: npt.NDArray[np.uint8] | None = None
) -> Ints:
    """The group int64 [N] of each picture, near-duplicates sharing one; numbered as they appear.

    From embeddings [N, D] and thumbnails uint8 [N, 32, 32] (None: only practically exact copies
    are found). A chain of near-duplicates is one group. Raises ModelError where they do not match.
    """
    count = len(embeddings)
    if thumbnails is not None:
        _check(count, thumbnails)
    if count < 2:
        return np.zeros(count, np.int64)
    with threadpool_limits(1, user_api="blas"):
        places, _ = _places(embeddings)
        usual = usual_distance(places)
        if thumbnails is None:
            first, second, _ = close_pairs(places, _cosine(_SAME * usual))
        else:
            first, second, alike = close_pairs(structure(thumbnails), _HINT)
            proven = _proven(alike, places[first], places[second], usual)
            first, second = first[proven], second[proven]
    links = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    groups = connected_components(links, directed=False)[1]
    _, seen, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(seen))[inverse], np.int64)


def twins(
    embedding: npt.NDArray[np.floating],
    thumb: npt.NDArray[np.uint8] | None,
    embeddings: npt.NDArray[np.floating],
    thumbnails: npt.NDArray[np.uint8] | None,
) -> Ints:
    """Which of the pictures [N] are near-duplicates of one more, the most alike first: int64 [T].

    From its embedding [D] and thumbnail uint8 [32, 32] and theirs [N, D] and [N, 32, 32]; without
    either thumbnail only practically exact copies are found. Raises ModelError.
    """
    if not len(embeddings):
        return np.empty(0, np.int64)
    if thumbnails is not None:
        _check(len(embeddings), thumbnails)
    if thumb is None or thumbnails is None:
        places, place = _places(embeddings, embedding)
        alike = places @ place
        found = np.flatnonzero(alike >= _cosine(_SAME * usual_distance(places)))
    else:
        alike = structure(thumbnails) @ structure(thumb[None])[0]
        found = np.flatnonzero(alike >= _HINT)
        if (alike[found] < _PROOF).any():
            places, place = _places(embeddings, embedding)
            usual = usual_distance(places)
            found = found[_proven(alike[found], places[found], place[None], usual)]
    return np.asarray(found[np.argsort(-alike[found], kind="stable")], np.int64)


def usual_distance(places: Floats32) -> float:
    """The median over unit vectors [N, D] of the distance to the third nearest other one.

    Estimated from 256 of them; 0 for fewer than two.
    """
    count = len(places)
    if count < 2:
        return 0.0
    some = np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.int64)
    similar = places[some] @ places.T
    similar[np.arange(len(some)), some] = -np.inf
    rank = min(_RANK, count - 1)
    cosines = np.partition(similar, count - rank, axis=1)[:, count - rank]
    return float(np.median(np.sqrt(np.maximum(2 - 2 * cosines, 0))))


def _places(
    embeddings: npt.NDArray[np.floating], one: npt.NDArray[np.floating] | None = None
) -> tuple[Floats32, Floats32]:
    """Directions [N, D] of embeddings from their centre, and [D] of one more (None: zero)."""
    rooted = roots(embeddings)
    centre = rooted.mean(axis=0)
    if one is None:
        return units(rooted - centre), np.zeros_like(centre)
    return units(rooted - centre), units(roots(np.asarray(one)[None]) - centre)[0]


def _cosine(distance: float) -> float:
    """The cosine of unit vectors this far apart, less what rounding may take."""
    return 1 - distance**2 / 2 - 1e-6


def _proven(
    alike: Floats32, left: Floats32, right: Floats32, usual: float
) -> npt.NDArray[np.bool_]:
    gaps = left - right
    apart = np.sqrt(np.einsum("nd,nd->n", gaps, gaps))
    return np.asarray((alike >= _PROOF) | ((alike >= _HINT) & (apart <= _NEAR * usual)))


def structure(thumbnails: npt.NDArray[np.uint8]) -> Floats32:
    """Unit vectors [N, 1024] of the middle spatial frequencies; zero for flat pictures.

    The finest detail suffers when a picture is saved again, the coarsest is mostly illumination
    and framing, which distinct pictures from one place share.
    """
    grey = thumbnails.astype(np.float32)
    fine, coarse = _smoothing(_FINE), _smoothing(_COARSE)
    band = fine @ grey @ fine.T - coarse @ grey @ coarse.T
    rows = band.reshape(len(band), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return units(rows, _FLAT * THUMBNAIL)


def _smoothing(width: float) -> Floats32:
    """The matrix [32, 32] that smooths a column of a thumbnail: faster for many than a filter."""
    kernel = gaussian_filter1d(np.eye(THUMBNAIL), width, axis=0, mode="nearest")
    return np.asarray(kernel, np.float32)


def _check(count: int, thumbnails: npt.NDArray[np.uint8]) -> None:
    if thumbnails.shape != (count, THUMBNAIL, THUMBNAIL):
        raise ModelError(
            f"{count} pictures need thumbnails [{count}, {THUMBNAIL}, {THUMBNAIL}], not "
            f"{list(thumbnails.shape)}; make them with `thumbnail`."
        )
