"""Nearest pictures by cosine of centred embeddings: which labelled pictures are like this one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from models.directions import directions, table
from models.errors import ModelError

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# Rows compared at a time: a block of 512 x 50,000 similarities is 100 MB.
_BLOCK = 512


def nearest(
    queries: npt.NDArray[np.floating],
    references: npt.NDArray[np.floating],
    count: int,
    *,
    centre: npt.NDArray[np.floating] | None = None,
) -> tuple[Ints, Floats32]:
    """The `count` references [N, D] most like each query [M, D], nearest first.

    Returns their indices int64 [M, k] and cosines float32 [M, k], k = min(count, N). Both sides are
    centred on `centre` (None: the mean of the references). Raises ModelError where embeddings are
    of two backbones.
    """
    known = table(references)
    asked = table(queries)
    if asked.shape[1] != known.shape[1]:
        raise ModelError(
            f"Embeddings of length {asked.shape[1]} cannot be compared with embeddings of length "
            f"{known.shape[1]}; embed both with the same backbone.",
            code="other_backbone",
        )
    if centre is None and len(known):
        centre = known.mean(axis=0)
    kept = min(max(count, 0), len(known))
    indices = np.empty((len(asked), kept), np.int64)
    cosines = np.empty((len(asked), kept), np.float32)
    if not kept:
        return indices, cosines
    known, asked = directions(known, centre), directions(asked, centre)
    for start in range(0, len(asked), _BLOCK):
        block = slice(start, start + _BLOCK)
        indices[block], cosines[block] = _top(asked[block] @ known.T, kept)
    return indices, cosines


def _top(similar: Floats32, count: int) -> tuple[Ints, Floats32]:
    """The `count` largest of each row, largest first."""
    if count < similar.shape[1]:
        chosen = np.argpartition(-similar, count - 1, axis=1)[:, :count]
        chosen.sort(axis=1)
    else:
        chosen = np.broadcast_to(np.arange(count), similar.shape)
    values = np.take_along_axis(similar, chosen, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return (
        np.take_along_axis(chosen, order, axis=1).astype(np.int64),
        np.take_along_axis(values, order, axis=1),
    )


def close_pairs(units: Floats32, least: float) -> tuple[Ints, Ints, Floats32]:
    """All pairs i < j of unit vectors [N, D] with a cosine of at least `least`.

    Returns int64 [P], int64 [P] and their exact cosines float32 [P]. A random projection to a few
    dimensions (Johnson and Lindenstrauss 1984) sorts out nearly all pairs before the exact check.
    """
    firsts, seconds, values = [], [], []
    for rows, columns in _candidates(units, least):
        exact = np.einsum("nd,nd->n", units[rows], units[columns])
        keep = exact >= least
        firsts.append(rows[keep])
        seconds.append(columns[keep])
        values.append(exact[keep])
    if not firsts:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(values)


_SKETCH = 96
# How many standard errors of the projected cosine a true pair may lie below its own.
_SIGMAS = 4.5
_PAIRS_AT_ONCE = 20_000


def _candidates(units: Floats32, least: float) -> Iterator[tuple[Ints, Ints]]:
    """Pairs i < j that may be close, in pieces that fit the memory."""
    sketch, bar = units, least
    if units.shape[1] > 2 * _SKETCH:
        random = np.random.default_rng(0)
        planes = random.standard_normal((units.shape[1], _SKETCH), dtype=np.float32)
        sketch = directions(units @ planes, np.zeros(_SKETCH, np.float32))
        bar = least - _SIGMAS * (1 - least**2) / np.sqrt(_SKETCH)
    for start in range(0, len(units), _BLOCK):
        # Only columns from the block on: every pair is met once.
        similar = sketch[start : start + _BLOCK] @ sketch[start:].T
        rows, columns = np.divmod(np.flatnonzero(similar >= bar), similar.shape[1])
        keep = columns > rows
        rows, columns = rows[keep] + start, columns[keep] + start
        for piece in range(0, len(rows), _PAIRS_AT_ONCE):
            part = slice(piece, piece + _PAIRS_AT_ONCE)
            yield rows[part], columns[part]
