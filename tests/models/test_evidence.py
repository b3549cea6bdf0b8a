import numpy as np
import pytest

from models.evidence import evidence, more_labelled
from models.learn_then_test import ThresholdTest
from models.scored import Judged

ALPHA, DELTA = 0.05, 0.05


def answers(random: np.random.Generator, count: int, error: float) -> Judged:
    """Wrong more often where they are less sure; `error` of all are."""
    confidence = random.random(count)
    right = random.random(count) >= 2 * error * (1 - confidence)
    return Judged(np.zeros(count, np.int64), confidence, right)


def test_counts_and_the_exact_bound_at_a_threshold() -> None:
    known = Judged(np.zeros(60, np.int64), np.repeat([0.5, 0.9], 30), np.repeat([False, True], 30))
    assert evidence(known, 0.7, 0.05).answered == 30
    assert evidence(known, 0.7, 0.05).error_at_most == pytest.approx(1 - 0.05 ** (1 / 30))
    nothing = evidence(known, None, 0.05)
    assert (nothing.pictures, nothing.answered, nothing.error_at_most) == (60, 0, 1.0)


def test_the_forecast_is_about_how_many_it_takes() -> None:
    """With as many more the promise can be made in most draws, with a fifth of that in few."""
    random = np.random.default_rng(0)
    tuning = answers(random, 2000, 0.03)
    held_out = []
    for _ in range(20):
        known = answers(random, 40, 0.03)
        more = more_labelled(tuning, known, ALPHA, DELTA, held_out_share=0.2)
        assert more is not None
        held_out.append(round(0.2 * more))
    test = ThresholdTest.by(tuning, ALPHA, DELTA)

    def kept(more: int) -> float:
        draws = [test.lowest_kept(answers(random, 40 + more, 0.03)) for _ in range(200)]
        return float(np.mean([one is not None for one in draws]))

    middle = int(np.median(held_out))
    assert kept(middle) > 0.6
    assert kept(middle // 5) < 0.4


def test_more_of_what_is_labelled_held_out_means_fewer_to_label() -> None:
    random = np.random.default_rng(1)
    tuning, known = answers(random, 500, 0.02), answers(random, 20, 0.02)
    fifth, half = (more_labelled(tuning, known, ALPHA, DELTA, share) for share in (0.2, 0.5))
    assert fifth is not None
    assert half is not None
    assert half < fifth


def test_hopeless_models_are_not_said_to_need_more_pictures() -> None:
    random = np.random.default_rng(2)
    guesses = Judged(np.zeros(500, np.int64), random.random(500), random.random(500) < 0.5)
    assert more_labelled(guesses, guesses, 0.01, DELTA) is None


def test_from_nothing_it_takes_at_least_what_no_error_takes() -> None:
    nothing = Judged(np.empty(0, np.int64), np.empty(0), np.empty(0, bool))
    right = Judged(np.zeros(200, np.int64), np.full(200, 0.999), np.ones(200, bool))
    more = more_labelled(right, nothing, 0.05, DELTA)
    assert more is not None
    assert 59 / 0.2 <= more <= 1000
    assert more_labelled(nothing, nothing, 0.05, DELTA) is None or more >= 295
