import numpy as np
import pytest

from models import neighbours
from models.directions import directions
from models.errors import ModelError
from models.neighbours import close_pairs, nearest


def test_the_nearest_come_first_whatever_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    known, asked = random.normal(size=(90, 16)), random.normal(size=(23, 16))
    centre = known.mean(0)
    exact = directions(asked, centre) @ directions(known, centre).T
    for block in (4, 512):
        monkeypatch.setattr(neighbours, "_BLOCK", block)
        indices, cosines = nearest(asked, known, 5)
        assert np.array_equal(indices, np.argsort(-exact, axis=1)[:, :5])
        assert np.allclose(cosines, -np.sort(-exact, axis=1)[:, :5], atol=1e-5)


def test_a_known_picture_finds_itself() -> None:
    known = np.random.default_rng(0).normal(size=(30, 8))
    indices, cosines = nearest(known, known, 1)
    assert np.array_equal(indices[:, 0], np.arange(30))
    assert np.allclose(cosines, 1, atol=1e-5)


def test_fewer_references_than_asked_for() -> None:
    indices, cosines = nearest(np.ones((3, 4)), np.eye(4)[:2], 10)
    assert indices.shape == cosines.shape == (3, 2)
    assert nearest(np.ones((3, 4)), np.empty((0, 4)), 10)[0].shape == (3, 0)


def test_embeddings_of_two_backbones_are_refused() -> None:
    with pytest.raises(ModelError, match="same backbone") as caught:
        nearest(np.ones((3, 4)), np.ones((3, 5)), 1)
    assert caught.value.code == "other_backbone"


@pytest.mark.parametrize("dim", [24, 1000])
def test_close_pairs_are_all_and_only_those_above_the_bar(dim: int) -> None:
    random = np.random.default_rng(2)
    rows = random.normal(size=(700, dim)).astype(np.float32)
    # Copies with more and less noise lie on both sides of the bar.
    rows[350:] = rows[:350] + random.uniform(0.05, 0.6, (350, 1)) * random.normal(size=(350, dim))
    points = directions(rows)
    first, second, cosines = close_pairs(points, 0.9)
    exact = np.triu(points @ points.T, 1)
    wanted = set(zip(*np.nonzero(exact >= 0.9), strict=True))
    found = set(zip(first.tolist(), second.tolist(), strict=True))
    assert 50 < len(wanted) < 350
    assert found == {(int(i), int(j)) for i, j in wanted}
    assert np.allclose(cosines, exact[first, second], atol=1e-5)
