import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models import compare
from models.errors import ModelError


def answers(right: np.ndarray, sure: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [N, 2] that are right where asked, and the truth (always the first label)."""
    given_to_truth = np.where(right, sure, 1 - sure)
    return np.column_stack([given_to_truth, 1 - given_to_truth]), np.zeros(len(right), int)


def of(both: int, fixed: int, broken: int, neither: int) -> compare.Comparison:
    old = np.repeat([True, False, True, False], [both, fixed, broken, neither])
    new = np.repeat([True, True, False, False], [both, fixed, broken, neither])
    champion, truth = answers(old)
    return compare.compare(champion, answers(new)[0], truth)


def test_clearly_fewer_errors_are_better_and_more_are_worse() -> None:
    better = of(70, 20, 3, 7)
    assert (better.outcome, better.fixed, better.broken) == ("better", 20, 3)
    assert better.gain == pytest.approx(0.17)
    assert better.gain_interval[0] > 0
    assert "it is better" in better.sentence
    worse = of(70, 3, 20, 7)
    assert worse.outcome == "worse"
    assert worse.p_worse == pytest.approx(better.p_better)
    assert "it is worse" in worse.sentence


def test_the_champion_wins_ties() -> None:
    assert of(90, 4, 2, 4).outcome == "equal"
    assert of(100, 0, 0, 0).outcome == "equal"
    assert "chance" in of(90, 4, 2, 4).sentence


def test_being_surer_where_right_is_better_though_no_error_less() -> None:
    right = np.arange(100) < 90
    champion, truth = answers(right, 0.7)
    challenger = champion.copy()
    challenger[:90] = [0.95, 0.05]
    found = compare.compare(champion, challenger, truth)
    assert found.outcome == "better"
    assert found.gain == 0
    assert found.p_errors == 0.5


def test_surer_but_with_more_errors_is_not_better() -> None:
    champion, truth = answers(np.arange(100) < 95, 0.6)
    challenger, _ = answers(np.arange(100) < 93, 0.97)
    found = compare.compare(champion, challenger, truth)
    assert found.loss_gain > 0
    assert found.outcome == "equal"


def test_nothing_to_compare_on() -> None:
    none = compare.compare(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, int))
    assert (none.outcome, none.count) == ("equal", 0)
    assert "label more" in none.sentence
    with pytest.raises(ModelError, match="same pictures"):
        compare.compare(np.ones((3, 2)), np.ones((3, 3)), np.zeros(3, int))


def test_mid_p_is_mcnemars_with_half_of_what_was_seen() -> None:
    # Fagerland et al. 2013, table 1: 1 and 7 discordant pairs; two-sided mid-p 0.039.
    assert 2 * compare.mid_p(7, 1) == pytest.approx(0.0391, abs=5e-4)
    assert compare.mid_p(0, 0) == 0.5


@given(st.integers(0, 60), st.integers(0, 60))
def test_mid_p_of_both_directions_add_up(one: int, other: int) -> None:
    assert compare.mid_p(one, other) + compare.mid_p(other, one) == pytest.approx(1)
    exact = stats.binomtest(one, one + other, alternative="greater").pvalue if one + other else 1
    assert compare.mid_p(one, other) <= exact + 1e-12


def test_between_equal_models_a_winner_is_rarely_named() -> None:
    rng = np.random.default_rng(0)
    named = 0
    for _ in range(400):
        truth = np.zeros(60, int)
        # Skewed like real losses: mostly sure and right, now and then badly wrong.
        given_to_truth = rng.beta(3, 0.6, (2, 60))
        both = [np.column_stack([p, 1 - p]) for p in given_to_truth]
        named += compare.compare(both[0], both[1], truth).outcome == "better"
    assert named / 400 < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_exchanging_the_two_exchanges_the_outcome(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 40)
    one, other = rng.dirichlet([1, 1, 1], 40), rng.dirichlet([1, 1, 1], 40)
    one[np.arange(40), truth] += rng.random()
    one /= one.sum(1, keepdims=True)
    there, back = compare.compare(one, other, truth), compare.compare(other, one, truth)
    mirror = {"better": "worse", "worse": "better", "equal": "equal"}
    assert back.outcome == mirror[there.outcome]
    assert back.gain == -there.gain
    assert there.gain_interval[0] <= there.gain <= there.gain_interval[1]


def test_probabilities_are_put_in_another_order_of_labels() -> None:
    made = compare.aligned(np.array([[0.2, 0.8]]), ("a", "b"), ("c", "b", "a"))
    assert made.tolist() == [[0.0, 0.8, 0.2]]
