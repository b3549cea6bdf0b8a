"""The guarantee, on synthetic answers of which the true error rate at every threshold is known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from models.binomial import most_wrong, p_values
from models.learn_then_test import ThresholdTest
from models.scored import Judged

DRAWS = 1000
# More breaks than this come by chance, at the allowed 5 %, in less than one run of a million.
MOST_BROKEN = int(stats.binom.isf(1e-7, DRAWS, 0.05))


@dataclass(frozen=True)
class World:
    """Confidences [V] that are equally likely, and how often an answer of each is wrong."""

    confidence: np.ndarray
    wrong: np.ndarray

    def draw(self, random: np.random.Generator, count: int) -> Judged:
        which = random.integers(0, len(self.confidence), count)
        right = random.random(count) >= self.wrong[which]
        return Judged(np.zeros(count, np.int64), self.confidence[which], right)

    def error(self, threshold: float) -> float:
        reached = self.confidence >= threshold
        return float(self.wrong[reached].mean()) if reached.any() else 0.0

    def share(self, threshold: float) -> float:
        return float((self.confidence >= threshold).mean())


def world(wrong: Callable[[np.ndarray], np.ndarray], values: int = 1000) -> World:
    confidence = np.linspace(0.3, 1, values)
    return World(confidence, np.clip(wrong(confidence), 0, 1))


ALPHA = 0.05
WORLDS = {
    "honest confidences": world(lambda c: 1 - c),
    "just above the promise everywhere": world(lambda c: np.full_like(c, ALPHA + 1e-4)),
    "surest answers are the worst": world(lambda c: np.where(c > 0.9, 0.2, 0.01)),
    "just above after a good start": world(lambda c: np.where(c > 0.6, 0.02, 0.1)),
    "five values of confidence": world(lambda c: 1 - c, values=5),
    "one value of confidence": World(np.array([1.0]), np.array([ALPHA + 1e-4])),
}


@pytest.mark.parametrize(
    ("name", "misled"),
    [*((name, False) for name in WORLDS), ("surest answers are the worst", True)],
)
def test_the_promise_is_broken_in_at_most_one_draw_of_twenty(name: str, misled: bool) -> None:
    """Also where the tuning pictures come from another world: they may cost answers, not truth."""
    truth, random = WORLDS[name], np.random.default_rng(1)
    source = WORLDS["honest confidences"] if misled else truth
    test = ThresholdTest.by(source.draw(random, 300), ALPHA, 0.05)
    found = [test.lowest_kept(truth.draw(random, 150)) for _ in range(DRAWS)]
    broken = sum(one is not None and truth.error(one) > ALPHA for one in found)
    assert broken <= MOST_BROKEN


def test_the_sizes_tell_a_wrong_guarantee_from_a_right_one() -> None:
    """The best threshold picked by its own p-value, untested for many, breaks more promises."""
    truth, random = WORLDS["just above the promise everywhere"], np.random.default_rng(1)
    broken = 0
    for _ in range(DRAWS):
        drawn = truth.draw(random, 600)
        answered, wrong = drawn.counts(np.linspace(0, 1, 50))
        broken += bool((p_values(wrong, answered, ALPHA) <= 0.05).any())
    assert broken > MOST_BROKEN


def test_good_models_answer_most_pictures_themselves() -> None:
    truth, random = world(lambda c: 0.15 * (1 - c) ** 2), np.random.default_rng(2)
    test = ThresholdTest.by(truth.draw(random, 300), ALPHA, 0.05)
    found = [test.lowest_kept(truth.draw(random, 300)) for _ in range(100)]
    shares = [0.0 if one is None else truth.share(one) for one in found]
    assert np.mean(shares) > 0.8


def test_without_tuning_pictures_the_order_is_fixed_all_the_same() -> None:
    test = ThresholdTest.by(
        WORLDS["honest confidences"].draw(np.random.default_rng(0), 0), 0.05, 0.05
    )
    assert test.thresholds[-1] == 0
    assert (np.diff(test.thresholds) < 0).all()
    right = Judged(np.zeros(100, np.int64), np.full(100, 0.95), np.ones(100, bool))
    assert test.lowest_kept(right) == 0


@pytest.mark.parametrize("count", [0, 1, 58, 59])
def test_all_right_is_enough_from_59_pictures_on(count: int) -> None:
    """(1 - 0.05)^59 < 0.05."""
    right = Judged(np.zeros(count, np.int64), np.full(count, 0.9), np.ones(count, bool))
    found = ThresholdTest.by(right, 0.05, 0.05).lowest_kept(right)
    assert found == (0.0 if count >= 59 else None)


def test_all_wrong_is_never_enough() -> None:
    random = np.random.default_rng(0)
    wrong = Judged(np.zeros(900, np.int64), random.random(900), np.zeros(900, bool))
    assert ThresholdTest.by(wrong, 0.2, 0.05).lowest_kept(wrong) is None


def test_order_of_the_pictures_does_not_matter() -> None:
    random = np.random.default_rng(3)
    tuning, known = (WORLDS["honest confidences"].draw(random, 300) for _ in range(2))
    found = ThresholdTest.by(tuning, 0.2, 0.05).lowest_kept(known)
    order = random.permutation(300)
    shuffled = [
        Judged(one.predicted[order], one.confidence[order], one.right[order])
        for one in (tuning, known)
    ]
    assert found is not None
    assert ThresholdTest.by(shuffled[0], 0.2, 0.05).lowest_kept(shuffled[1]) == found


def test_the_first_threshold_has_about_the_chance_that_was_expected() -> None:
    truth, random = world(lambda c: 0.4 * (1 - c)), np.random.default_rng(4)
    test = ThresholdTest.by(truth.draw(random, 100_000), 0.05, 0.05)
    first = test.first(150)
    answered, wrong = np.array(
        [truth.draw(random, 150).counts(test.thresholds[first : first + 1]) for _ in range(3000)]
    ).T[0]
    passed = wrong <= most_wrong(answered, 0.05, 0.05)
    assert test.chances(150)[first] == pytest.approx(passed.mean(), abs=0.05)
