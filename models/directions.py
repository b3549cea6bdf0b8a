"""Embeddings as directions: what comparing pictures of any backbone rests on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

Floats32 = npt.NDArray[np.float32]

_EXTRA_AXES, _POWER_ITERATIONS = 16, 2


def table(embeddings: npt.NDArray[np.floating]) -> Floats32:
    """The embeddings as float32 [N, D]. Raises ModelError for another shape."""
    rows = np.asarray(embeddings, np.float32)
    if rows.ndim != 2:
        raise ModelError(f"Embeddings must be a table [N, D], not {list(rows.shape)}.")
    return rows


def units(rows: Floats32, least: float = 0.0) -> Floats32:
    """Each row [N, D] divided by its length; rows of length `least` or less become zero."""
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > least))


def directions(
    embeddings: npt.NDArray[np.floating], centre: npt.NDArray[np.floating] | None = None
) -> Floats32:
    """Unit vectors float32 [N, D] from the centre (None: the mean of these embeddings).

    Raw embeddings of a pretrained network all point much the same way; from their centre their
    cosines spread over -1..1 whatever the backbone. An embedding at the centre becomes zero.
    """
    rows = table(embeddings)
    if not len(rows):
        return rows
    middle = rows.mean(axis=0) if centre is None else np.asarray(centre, np.float32)
    # Differences of the size of the rounding carry no direction.
    return units(rows - middle, 1e-5 * float(np.abs(middle).max(initial=0)))


def roots(embeddings: npt.NDArray[np.floating]) -> Floats32:
    """Unit vectors float32 [N, D] of the signed square roots of embeddings [N, D].

    For pooled activations, which are not negative, the distances between them are Hellinger
    distances: a few strong features no longer drown the many weak ones.
    """
    rows = table(embeddings)
    return units(np.copysign(np.sqrt(np.abs(rows)), rows))


def principal_axes(rows: Floats32, count: int, seed: int = 0) -> tuple[Floats32, Floats32]:
    """The first principal axes float32 [R, D] of centred rows [N, D], and their lengths [R].

    R = min(count, N, D). By random projection and two power iterations (Halko, Martinsson and Tropp
    2011, "Finding Structure with Randomness"). Deterministic for a seed.
    """
    kept = min(count, *rows.shape)
    random = np.random.default_rng(seed)
    columns = min(kept + _EXTRA_AXES, *rows.shape)
    sketch = rows @ random.standard_normal((rows.shape[1], columns), dtype=np.float32)
    for _ in range(_POWER_ITERATIONS):
        basis = np.linalg.qr(sketch)[0]
        sketch = rows @ (rows.T @ basis)
    basis = np.linalg.qr(sketch)[0]
    _, lengths, axes = np.linalg.svd(basis.T @ rows, full_matrices=False)
    return axes[:kept].astype(np.float32), lengths[:kept].astype(np.float32)
