import numpy as np
import pytest

from models import learning_curve, thinning
from models.thinning import Thinned

SIZES = np.array([60.0, 120.0, 240.0, 480.0])


def observed(errors: np.ndarray, pictures: int, seed: int = 0) -> Thinned:
    """Pictures of different difficulty, wrong in these shares: the same ones at every size."""
    difficulty = np.random.default_rng(seed).uniform(size=pictures)
    wrong = (difficulty < errors[:, None]).astype(float)
    return Thinned(SIZES / SIZES[-1], SIZES, wrong)


def quantiles(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.05, 0.95])
    return float(low), float(high)


@pytest.mark.parametrize("exponent", [0.15, 0.3, 0.6])
@pytest.mark.parametrize("floor", [0.0, 0.05])
def test_a_true_power_law_is_forecast_within_the_interval(exponent: float, floor: float) -> None:
    def law(sizes: np.ndarray | float) -> np.ndarray:
        return np.asarray(floor + 0.8 * np.power(sizes, -exponent))

    inside = 0
    for seed in range(20):
        curve = learning_curve.fit(observed(law(SIZES), 800, seed))
        low, high = quantiles(curve.gain(480, 480))
        inside += low <= float(law(480.0) - law(960.0)) <= high
    # The interval says nine in ten. Measured over 40 seeds and ten laws: 82 to 100 %, 92 % on
    # average, and what is missed is nearly always a larger gain than forecast.
    assert inside >= 15


def test_errors_that_no_longer_fall_give_no_gain() -> None:
    curve = learning_curve.fit(observed(np.full(4, 0.1), 2000))
    low, high = quantiles(curve.gain(480, 480))
    assert 0 <= low <= high < 0.002


def test_few_pictures_leave_more_doubt_than_many() -> None:
    errors = np.array([0.3, 0.24, 0.19, 0.15])
    few = quantiles(learning_curve.fit(observed(errors, 80)).errors(480))
    many = quantiles(learning_curve.fit(observed(errors, 4000)).errors(480))
    assert many[1] - many[0] < (few[1] - few[0]) / 2
    assert few[1] > many[1]


def test_that_no_mistake_was_seen_does_not_make_it_certain() -> None:
    curve = learning_curve.fit(observed(np.zeros(4), 40))
    assert 0 < np.quantile(curve.errors(480), 0.95) < 0.1


def test_copies_bring_no_certainty() -> None:
    errors = np.array([0.4, 0.3, 0.25, 0.2])
    alone = observed(errors, 100)
    copied = Thinned(alone.shares, SIZES, np.repeat(alone.wrong, 20, axis=1))
    singly = quantiles(learning_curve.fit(alone).errors(480))
    blind = quantiles(learning_curve.fit(copied).errors(480))
    told = quantiles(learning_curve.fit(copied, np.repeat(np.arange(100), 20)).errors(480))
    assert blind[1] - blind[0] < (singly[1] - singly[0]) / 2
    assert told[1] - told[0] == pytest.approx(singly[1] - singly[0], rel=0.25)


def test_pictures_that_were_not_asked_about_do_not_count() -> None:
    seen = observed(np.array([0.4, 0.3, 0.25, 0.2]), 100)
    padded = np.concatenate([seen.wrong, np.full((4, 50), np.nan)], axis=1)
    same = learning_curve.fit(Thinned(seen.shares, SIZES, padded))
    assert np.array_equal(same.errors(480), learning_curve.fit(seen).errors(480))


def blobs(sizes: list[int], apart: float, dims: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Clouds of these sizes: the more dimensions, the more pictures it takes to tell them apart."""
    random = np.random.default_rng(0)
    targets = np.repeat(np.arange(len(sizes)), sizes)
    centres = apart * random.normal(size=(len(sizes), dims))
    return centres[targets] + random.normal(size=(len(targets), dims)), targets


def test_thinned_heads_err_more_and_every_picture_is_asked_about() -> None:
    rows, targets = blobs([40] * 6, 0.8)
    thinned = thinning.curve(
        thinning.problem(rows, targets, 6, strength=0.01), (0.125, 0.25, 0.5, 1.0)
    )
    assert thinned.wrong.shape == (4, 240)
    assert not np.isnan(thinned.wrong).any()
    assert thinned.sizes == pytest.approx([24, 48, 96, 192], abs=1)
    means = thinned.wrong.mean(axis=1)
    assert means[0] > means[1] > means[3]


def test_near_identical_pictures_never_answer_for_each_other() -> None:
    random = np.random.default_rng(0)
    # Labels that mean nothing: only a copy on the other side could give the answer away.
    rows = np.repeat(random.normal(size=(60, 80)), 2, axis=0)
    targets = np.repeat(random.integers(0, 2, 60), 2)
    groups = np.repeat(np.arange(60), 2)
    alone = thinning.problem(rows, targets, 2, strength=1.0)
    grouped = thinning.problem(rows, targets, 2, strength=1.0, groups=groups)
    leaking, held = (thinning.curve(one, (1.0,)).wrong.mean() for one in (alone, grouped))
    assert leaking < 0.2
    assert held > 0.35


def varied(sizes: list[int], looks: int) -> tuple[np.ndarray, np.ndarray]:
    """The first label comes in many looks, which must each be seen; the others in one."""
    random = np.random.default_rng(1)
    targets = np.repeat(np.arange(len(sizes)), sizes)
    centres = 0.5 * random.normal(size=(len(sizes), 80))
    rows = centres[targets] + random.normal(size=(len(targets), 80))
    own = random.integers(0, looks, sizes[0])
    rows[: sizes[0]] += 2 * random.normal(size=(looks, 80))[own]
    return rows, targets


def test_one_label_is_made_whole_and_nothing_else() -> None:
    rows, targets = varied([60, 60, 60, 60], 40)
    whole = thinning.problem(rows, targets, 4, strength=0.01)
    thinned = thinning.with_one_whole(whole, 0)
    assert thinned.sizes == pytest.approx([24, 48], abs=0.5)
    own = targets == 0
    assert thinned.wrong[0, own].mean() > thinned.wrong[1, own].mean()
    # The answers with half of all are the same whichever label is tried.
    assert np.array_equal(thinned.wrong[0], thinning.with_one_whole(whole, 1).wrong[0])


@pytest.mark.parametrize("sizes", [[1, 30, 30], [400, 3], [3] * 100, [2, 2]])
def test_odd_sizes_neither_crash_nor_answer_what_was_not_learned(sizes: list[int]) -> None:
    rows, targets = blobs(sizes, 2.0)
    whole = thinning.problem(rows, targets, len(sizes), strength=0.01)
    thinned = thinning.curve(whole, (0.125, 1.0))
    lonely = np.array(sizes)[targets] == 1
    assert np.isnan(thinned.wrong[0]).tolist() == lonely.tolist()
    assert np.nanmax(thinned.wrong) <= 1
