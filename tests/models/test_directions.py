import numpy as np
import pytest

from models.directions import directions, principal_axes, roots, table, units
from models.errors import ModelError


def test_directions_are_unit_vectors_from_the_centre() -> None:
    rows = np.random.default_rng(0).normal(5, 1, (40, 12))
    units_ = directions(rows)
    assert units_.dtype == np.float32
    assert np.allclose(np.linalg.norm(units_, axis=1), 1, atol=1e-5)
    assert np.abs(units_ @ units_.T - np.eye(40)).mean() < 0.4, "raw cosines are near one"
    raw = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert (raw @ raw.T).min() > 0.8


def test_identical_embeddings_have_no_direction() -> None:
    assert not directions(np.full((5, 8), 3.1)).any()
    assert directions(np.empty((0, 8))).shape == (0, 8)


def test_roots_keep_signs_and_lengths() -> None:
    rooted = roots(np.array([[4.0, -9.0], [0.0, 0.0]]))
    assert np.allclose(rooted[0] * np.sqrt(13), [2, -3], atol=1e-5)
    assert not rooted[1].any()


def test_principal_axes_are_those_of_the_whole_decomposition() -> None:
    random = np.random.default_rng(1)
    rows = (random.normal(size=(200, 6)) * [9, 7, 5, 3, 1, 0.5]) @ random.normal(size=(6, 50))
    rows = (rows - rows.mean(0)).astype(np.float32)
    axes, lengths = principal_axes(rows, 4)
    _, exact, _ = np.linalg.svd(rows, full_matrices=False)
    assert np.allclose(lengths, exact[:4], rtol=1e-3)
    assert np.allclose(axes @ axes.T, np.eye(4), atol=1e-4)
    assert principal_axes(rows[:3], 10)[0].shape == (3, 50)


def test_a_single_vector_is_no_table() -> None:
    with pytest.raises(ModelError, match="table"):
        table(np.zeros(4))
    assert units(np.zeros((2, 3), np.float32)).shape == (2, 3)
