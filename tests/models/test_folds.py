import numpy as np
import pytest

from models import folds
from models.errors import NotEnoughExamples


def test_every_label_is_spread_over_all_folds_and_views_stay_together() -> None:
    targets, groups = np.tile(np.repeat([0, 1], [20, 10]), 2), np.tile(np.arange(30), 2)
    dealt = folds.deal(targets, groups, ["a", "b"], 0)
    assert (dealt[:30] == dealt[30:]).all()
    for label, size in ((0, 20), (1, 10)):
        assert np.bincount(dealt[:30][targets[:30] == label]).tolist() == [size // 5] * 5


def test_an_only_picture_is_always_trained_on() -> None:
    targets = np.array([0, 0, 1, 1, 2, 2, 2])
    dealt = folds.deal(targets, np.array([0, 1, 2, 3, 4, 4, 4]), ["a", "b", "c"], 0)
    assert (dealt[4:] == folds.ALWAYS_INSIDE).all()
    assert (dealt[:4] != folds.ALWAYS_INSIDE).all()


@pytest.mark.parametrize(
    ("targets", "word"), [([0, 0, 0], "b"), ([0, 0, 1], "two different pictures each")]
)
def test_what_cannot_be_learned_is_refused(targets: list[int], word: str) -> None:
    rows = np.arange(3)
    with pytest.raises(NotEnoughExamples, match=word):
        folds.deal(np.array(targets), rows, ["a", "b"], 0)


def test_a_subset_keeps_the_shares_and_ten_of_the_rare() -> None:
    targets = np.repeat([0, 1, 2], [8000, 2000, 12])
    groups = np.arange(len(targets))
    kept = folds.subset(targets, groups, 1000, 0)
    counts = np.bincount(targets[kept])
    assert abs(counts[0] - 4 * counts[1]) <= 4
    assert counts[2] == 10
    assert counts.sum() < 1020
    assert folds.subset(targets[:500], groups[:500], 1000, 0).all()


def test_a_subset_takes_pictures_with_all_their_views() -> None:
    targets, groups = np.zeros(400, int), np.tile(np.arange(200), 2)
    kept = folds.subset(targets, groups, 100, 0)
    assert (kept[:200] == kept[200:]).all()
    assert kept.sum() == 200
