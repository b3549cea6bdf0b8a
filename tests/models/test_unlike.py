import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError, NotEnoughExamples
from models.unlike import Unlike


def pictures(
    count: int, labels: int = 3, dim: int = 40, seed: int = 0, spread: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    centres = np.abs(np.random.default_rng(7).normal(size=(labels, dim))) * 2
    targets = random.integers(0, labels, count)
    return np.abs(centres[targets] + spread * random.normal(size=(count, dim))), targets


def strangers(count: int, dim: int = 40) -> np.ndarray:
    return np.abs(np.random.default_rng(3).normal(size=(count, dim))) * 2


@pytest.mark.parametrize("count", [120, 900])
def test_strangers_are_flagged_and_ordinary_pictures_are_not(count: int) -> None:
    unlike = Unlike.fit(*pictures(count))
    ordinary, _ = pictures(2000, seed=1)
    assert unlike.missing() == 0
    assert unlike.flags(strangers(200)).mean() > 0.95
    assert unlike.flags(ordinary).mean() < 0.05
    assert unlike.score(strangers(200)).min() > np.median(unlike.score(ordinary))


@pytest.mark.parametrize("count", [60, 300, 700])
def test_ordinary_pictures_are_flagged_no_more_often_than_promised(count: int) -> None:
    shares = []
    for seed in range(12):
        unlike = Unlike.fit(*pictures(count, seed=seed))
        shares.append(unlike.flags(pictures(400, seed=100 + seed)[0], 0.05).mean())
    # The promise is on average; its standard error here is about 0.01.
    assert np.mean(shares) < 0.08
    assert np.mean(shares) > 0.005, "a rule that never flags promises nothing"


def test_near_duplicates_do_not_vouch_for_each_other() -> None:
    rows, targets = pictures(80)
    twice = np.concatenate([rows, rows * 1.0001])
    both, groups = np.tile(targets, 2), np.tile(np.arange(80), 2)
    ordinary, _ = pictures(500, seed=1)
    assert Unlike.fit(twice, both).flags(ordinary).mean() > 0.9, "what would go wrong"
    assert Unlike.fit(twice, both, groups).flags(ordinary).mean() < 0.06


def test_too_few_pictures_flag_nothing_and_say_so() -> None:
    unlike = Unlike.fit(*pictures(4))
    assert not unlike.flags(strangers(50)).any()
    assert unlike.missing(0.02) == 49 - 4
    assert "45 more pictures" in unlike.note(0.02)
    assert unlike.score(strangers(20)).min() > unlike.score(pictures(20, seed=2)[0]).mean()
    assert "2.0%" in Unlike.fit(*pictures(60)).note(0.02)


def test_a_single_picture_is_enough_to_compare_with() -> None:
    rows, targets = pictures(1)
    unlike = Unlike.fit(rows, targets)
    assert unlike.p_values(strangers(3)).tolist() == [1, 1, 1]
    assert unlike.score(rows)[0] < 1e-2
    with pytest.raises(NotEnoughExamples, match="label"):
        Unlike.fit(rows[:0], targets[:0])


@pytest.mark.parametrize("count", [50, 700])
def test_the_file_gives_the_same_answers(count: int) -> None:
    unlike = Unlike.fit(*pictures(count))
    again = Unlike.from_bytes(unlike.to_bytes())
    asked = np.concatenate([pictures(50, seed=1)[0], strangers(50)])
    assert np.array_equal(again.p_values(asked), unlike.p_values(asked))
    assert np.array_equal(again.score(asked), unlike.score(asked))


def test_the_state_stays_small_however_many_were_labelled() -> None:
    rows, targets = pictures(9000, labels=300, dim=256)
    assert len(Unlike.fit(rows, targets).to_bytes()) < 1_500_000


def test_hundreds_of_rare_labels_are_all_remembered() -> None:
    random = np.random.default_rng(0)
    centres = np.abs(random.normal(size=(301, 64)))
    targets = np.concatenate([np.repeat(np.arange(300), 3), np.full(6000, 300)])
    rows = np.abs(centres[targets] + 0.1 * random.normal(size=(len(targets), 64)))
    unlike = Unlike.fit(rows, targets)
    fresh = np.abs(centres[:300] + 0.1 * random.normal(size=(300, 64)))
    assert np.median(unlike.score(fresh)) < 0.5 * np.median(unlike.score(strangers(200, 64)))


def test_a_label_of_many_looks_is_not_flagged_for_it() -> None:
    def mixed(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        targets = np.arange(count) % 2
        spread = np.where(targets, 1.2, 0.15)[:, None]
        centres = np.abs(np.random.default_rng(7).normal(size=(2, 40))) * 2
        return np.abs(centres[targets] + spread * random.normal(size=(count, 40))), targets

    shares = []
    for seed in range(10):
        unlike = Unlike.fit(*mixed(200, seed))
        rows, targets = mixed(1000, 100 + seed)
        shares.append(unlike.flags(rows)[targets == 1].mean())
    # At most 2 % of all pictures are flagged, and here no label is more than half of them.
    assert np.mean(shares) < 0.045


def test_the_same_seed_gives_the_same_state() -> None:
    first, second = (Unlike.fit(*pictures(800), seed=5) for _ in range(2))
    assert first.to_bytes() == second.to_bytes()


def test_other_embeddings_and_other_files_are_refused() -> None:
    unlike = Unlike.fit(*pictures(20))
    with pytest.raises(ModelError, match="backbone"):
        unlike.score(np.ones((2, 7)))
    with pytest.raises(ModelError, match="train again"):
        Unlike.from_bytes(b"no file of ours")


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 40), st.integers(1, 6), st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 1e6])
)
def test_p_values_are_probabilities_whatever_comes(
    count: int, labels: int, seed: int, size: float
) -> None:
    random = np.random.default_rng(seed)
    rows = size * random.normal(size=(count, 5)).round(1)
    unlike = Unlike.fit(rows, random.integers(0, labels, count))
    values = unlike.p_values(random.normal(size=(7, 5)))
    assert ((values > 0) & (values <= 1)).all()
    assert np.isfinite(unlike.score(rows)).all()
    assert (unlike.p_values(rows) >= 1 / (count + 1)).all()
