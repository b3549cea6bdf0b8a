import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models import intervals


@given(st.integers(0, 400), st.integers(0, 400))
def test_exact_agrees_with_scipy_and_holds_the_share(a: int, b: int) -> None:
    count, total = min(a, b), max(a, b)
    low, high = intervals.exact(count, total)
    if not total:
        assert (low, high) == (0, 1)
        return
    known = stats.binomtest(count, total).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((known.low, known.high), abs=1e-9)
    assert 0 <= low <= count / total <= high <= 1


def test_upper_bounds_are_one_sided_and_exact() -> None:
    counts, totals = np.array([0, 1, 5, 7]), np.array([59, 40, 5, 100])
    bounds = intervals.upper_bounds(counts, totals)
    assert bounds[0] == pytest.approx(1 - 0.05 ** (1 / 59))
    assert bounds[2] == 1
    for count, total, bound in zip(counts, totals, bounds, strict=True):
        if bound < 1:
            assert stats.binom.cdf(count, total, bound) == pytest.approx(0.05)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_f1_interval_holds_f1(right: int, missed: int, mistaken: int) -> None:
    found = intervals.f1(right, missed, mistaken)
    assert 0 <= found.low <= found.high <= 1
    if found.value is not None:
        assert found.value == pytest.approx(2 * right / (2 * right + missed + mistaken))
        assert found.low <= found.value <= found.high
    rounded = found.to_json()
    assert rounded["low"] <= found.low <= found.high <= rounded["high"]


def test_f1_interval_covers_the_true_f1_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    shares = np.array([0.2, 0.05, 0.1, 0.65])
    true = 2 * shares[0] / (2 * shares[0] + shares[1] + shares[2])
    draws = random.multinomial(80, shares, size=1000)
    covered = 0
    for right, missed, mistaken, _ in draws:
        found = intervals.f1(int(right), int(missed), int(mistaken))
        covered += found.low <= true <= found.high
    # 925 is more than three standard deviations below what 95 % would give; exact gives more.
    assert covered >= 925


def test_paired_difference_against_the_published_example() -> None:
    # Tango 1998, section 5 (cross-over study of contact lens disinfection): b = 1, c = 0, n = 44.
    found = intervals.paired_difference(0, 1, 44)
    assert found.value == pytest.approx(-1 / 44)
    assert (found.low, found.high) == pytest.approx((-0.1180, 0.0610), abs=6e-3)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_paired_difference_is_symmetric_and_holds_the_change(a: int, b: int, same: int) -> None:
    found, mirrored = (intervals.paired_difference(*p, a + b + same) for p in ((a, b), (b, a)))
    assert -1 <= found.low <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((-mirrored.high, -mirrored.low), abs=1e-6)
    if found.value is not None:
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9


def test_paired_difference_covers_the_true_change() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for gained, lost, _ in random.multinomial(60, [0.12, 0.05, 0.83], size=600):
        found = intervals.paired_difference(int(gained), int(lost), 60)
        covered += found.low <= 0.07 <= found.high
    # 95 % of 600 is 570 with a standard deviation of 5.
    assert covered >= 550
