import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models import binomial

rates = st.floats(0.001, 0.6)
deltas = st.sampled_from([0.05, 0.025, 0.05 / 3])


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    answered = draw(st.integers(1, 400))
    return draw(st.integers(0, answered)), answered


@given(counts(), rates, deltas)
def test_bounds_and_p_values_are_those_of_scipy(
    count: tuple[int, int], rate: float, delta: float
) -> None:
    wrong, answered = count
    test = stats.binomtest(wrong, answered, rate, alternative="less")
    assert binomial.p_values(wrong, answered, rate) == pytest.approx(test.pvalue, rel=1e-9)
    upper = test.proportion_ci(1 - delta, method="exact").high
    assert binomial.upper_bound(wrong, answered, delta) == pytest.approx(upper)
    both = stats.binomtest(wrong, answered, rate).proportion_ci(1 - delta, method="exact")
    assert binomial.interval(wrong, answered, delta) == pytest.approx((both.low, both.high))


@given(st.integers(0, 400), rates, deltas)
def test_the_most_errors_allowed_are_the_last_to_pass(
    answered: int, rate: float, delta: float
) -> None:
    passed = binomial.p_values(np.arange(answered + 1), answered, rate) <= delta
    assert binomial.most_wrong(answered, rate, delta) == passed.sum() - 1


def test_nothing_answered_shows_nothing() -> None:
    assert binomial.p_values(0, 0, 0.1) == 1
    assert binomial.interval(0, 0) == (0, 1)
    assert binomial.most_wrong(0, 0.1, 0.05) == -1


@pytest.mark.parametrize(("rate", "fewest"), [(0.01, 299), (0.02, 149), (0.05, 59), (0.1, 29)])
def test_even_without_an_error_it_takes_this_many(rate: float, fewest: int) -> None:
    assert binomial.fewest_answers(rate, 0.05) == fewest
    assert binomial.upper_bound(0, fewest) <= rate < binomial.upper_bound(0, fewest - 1)
