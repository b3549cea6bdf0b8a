import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.lookalikes import lookalikes, spherical_kmeans


def heap(sizes: list[int], spread: float = 0.3, dim: int = 60) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    kinds = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = np.abs(random.normal(size=(len(sizes), dim)))
    return np.abs(centres[kinds] + spread * random.normal(size=(len(kinds), dim))), kinds


def test_every_picture_is_in_one_group_of_its_own_kind() -> None:
    rows, kinds = heap([40, 25, 10, 60])
    groups = lookalikes(rows, 12)
    members = [i for group in groups for i in group.members]
    assert sorted(members) == list(range(135))
    assert all(len(set(kinds[list(group.members)])) == 1 for group in groups)


def test_tight_groups_come_first_and_their_most_typical_picture_before_the_rest() -> None:
    random = np.random.default_rng(0)
    tight, _ = heap([30], spread=0.05)
    loose = np.abs(random.normal(size=(1, 60))) + 0.6 * np.abs(random.normal(size=(30, 60)))
    groups = lookalikes(np.concatenate([loose, tight]), 2)
    assert set(groups[0].members) == set(range(30, 60))
    assert groups[0].tightness > groups[1].tightness
    centre = loose.mean(0)
    distances = np.linalg.norm(loose[list(groups[1].members)] - centre, axis=1)
    assert distances[:10].mean() < distances[-10:].mean()


def test_the_number_of_groups_follows_the_size_of_the_heap() -> None:
    rows, _ = heap([60] * 10)
    assert 40 <= len(lookalikes(rows)) <= 50
    assert len(lookalikes(rows[:5])) == 1


def test_single_pictures_come_last() -> None:
    rows, _ = heap([20, 20, 1, 1], spread=0.1)
    sizes = [len(group.members) for group in lookalikes(rows, 8)]
    assert sizes.index(1) >= 2
    assert all(size == 1 for size in sizes[sizes.index(1) :])


def test_the_same_seed_gives_the_same_groups() -> None:
    rows, _ = heap([30, 30, 30])
    assert lookalikes(rows, seed=4) == lookalikes(rows, seed=4)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_identical_pictures_and_tiny_heaps(count: int) -> None:
    groups = lookalikes(np.ones((count, 8)), 5)
    assert sorted(i for group in groups for i in group.members) == list(range(count))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_nobody_is_lost_whatever_comes(count: int, wanted: int, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(-2, 3, (count, 4)).astype(float)
    groups = lookalikes(rows, wanted, seed=seed)
    assert sorted(i for group in groups for i in group.members) == list(range(count))
    assert len(groups) <= min(wanted, count)
    assert all(-1.001 <= group.tightness <= 1.001 for group in groups)


def test_assignments_point_to_the_nearest_centre() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(200, 8)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    assigned, centres = spherical_kmeans(points, 7)
    assert np.array_equal(assigned, (points @ centres.T).argmax(1))
    assert len(np.unique(assigned)) == 7
