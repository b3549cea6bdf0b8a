"""The bounds hold at all times: checked exactly, not by sampling."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.errors import ModelError
from models.live_error import audit_plan, confidence_sequence, live_error


def probability_of_ever_crossing(rate: float, audits: int, *, lower: bool) -> float:
    """P(a bound is ever on the wrong side of `rate` within `audits`), by dynamic programming.

    Follows the distribution of the number of errors over paths that have not crossed; the edge of
    the crossing region only ever moves up, so each step looks at the edge alone.
    """
    alive, crossed = np.array([1.0]), 0.0
    edge = 1 if lower else -1
    for n in range(1, audits + 1):
        alive = np.append(alive, 0.0) * (1 - rate) + np.append(0.0, alive) * rate
        if lower:
            while edge <= n and confidence_sequence(edge, n, centre=rate)[0] <= rate:
                edge += 1
            crossed += alive[edge:].sum()
            alive[edge:] = 0
        else:
            while edge < n and confidence_sequence(edge + 1, n, centre=rate)[1] < rate:
                edge += 1
            crossed += alive[: edge + 1].sum()
            alive[: edge + 1] = 0
    return float(crossed)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("lower", [True, False])
def test_a_bound_is_ever_wrong_with_at_most_its_share_of_delta(rate: float, lower: bool) -> None:
    crossed = probability_of_ever_crossing(rate, 600, lower=lower)
    assert 0.001 < crossed <= 0.025


def test_bounds_for_one_look_do_not_stand_being_looked_at_daily() -> None:
    """What the confidence sequence is for: Clopper-Pearson's bound crosses far more often."""
    alive, crossed = np.array([1.0]), 0.0
    for n in range(1, 601):
        alive = np.append(alive, 0.0) * 0.9 + np.append(0.0, alive) * 0.1
        edge = int(stats.binom.isf(0.025, n, 0.1)) + 1
        crossed += alive[edge:].sum()
        alive[edge:] = 0
    assert crossed > 0.05


@given(st.integers(1, 3000), st.floats(0, 1), st.sampled_from([0.01, 0.05, 0.3]))
@settings(deadline=None, max_examples=60)
def test_the_interval_holds_the_estimate_and_is_wider_than_for_one_look(
    audits: int, share: float, centre: float
) -> None:
    wrong = round(share * audits)
    low, high = confidence_sequence(wrong, audits, centre=centre)
    exact = stats.binomtest(wrong, audits).proportion_ci(method="exact")
    assert 0 <= low <= exact.low + 1e-9 <= wrong / audits + 2e-9
    assert wrong / audits - 2e-9 <= exact.high - 1e-9 <= high <= 1


@pytest.mark.parametrize(
    ("wrong", "audits", "verdict"),
    [
        (0, 0, "unknown"),
        (0, 500, "holds"),
        (1, 3, "holds"),
        (4, 100, "warning"),
        (20, 400, "broken"),
        (5, 5, "broken"),
        (400, 400, "broken"),
    ],
)
def test_verdicts_on_a_promise_of_two_percent(wrong: int, audits: int, verdict: str) -> None:
    found = live_error(wrong, audits, 0.02)
    assert found.verdict == verdict
    data = json.loads(json.dumps(found.to_json()))
    assert data["sentence"]
    assert data["estimate"] == (wrong / audits if audits else None)


def test_without_a_promise_there_is_an_estimate_and_no_verdict() -> None:
    found = live_error(3, 100)
    assert found.verdict == "unknown"
    assert found.low < 0.03 < found.high
    assert "3 of 100" in found.sentence


@pytest.mark.parametrize(("wrong", "audits"), [(1, 0), (-1, 5), (6, 5)])
def test_counts_that_cannot_be_are_refused(wrong: int, audits: int) -> None:
    with pytest.raises(ModelError):
        live_error(wrong, audits)


def test_a_larger_audit_share_is_tighter_and_sooner() -> None:
    few, many = (audit_plan(share, 500, 0.02) for share in (0.02, 0.1))
    assert many.audits_per_day == 50
    assert all(many.high_after[day] < few.high_after[day] for day in (7, 30, 90))
    assert many.days_to_confirm is not None
    assert few.days_to_confirm is not None
    assert many.days_to_confirm < few.days_to_confirm
    assert many.days_to_notice_double is not None
    day = many.days_to_confirm
    assert confidence_sequence(0.01 * 50 * day, 50 * day, centre=0.02)[1] <= 0.02


def test_what_can_never_be_confirmed_is_said_so() -> None:
    assert audit_plan(0.1, 500, 0.02, expected_error=0.03).days_to_confirm is None
    with pytest.raises(ModelError):
        audit_plan(0, 500, 0.02)
