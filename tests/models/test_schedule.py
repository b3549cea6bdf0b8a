import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.schedule import Schedule, one_cycle


@given(st.floats(0, 1))
def test_the_rate_is_a_part_of_the_peak(share: float) -> None:
    assert 0 <= one_cycle(share) <= 1


def test_the_rate_goes_up_once_and_down_to_nothing() -> None:
    rates = [one_cycle(share / 100) for share in range(101)]
    top = rates.index(max(rates))
    assert max(rates) > 0.999
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0)


def at(moment: float, **what: float) -> Schedule:
    """A schedule that began `moment` seconds ago, with a clock that stands still."""
    return Schedule(clock=iter([0.0] + [moment] * 50).__next__, **what)  # type: ignore[arg-type]


def test_steps_end_it_on_a_fast_machine() -> None:
    schedule = at(1.0, steps=10, seconds=100, done=5)
    assert schedule.share == 0.5
    assert schedule.seconds_left == pytest.approx(1.0)
    schedule.done = 10
    assert schedule.over
    assert schedule.seconds_left == 0


def test_the_clock_ends_it_on_a_slow_one() -> None:
    schedule = at(60.0, steps=1000, seconds=100, done=5)
    assert schedule.share == 0.6
    assert schedule.seconds_left == 40
    assert at(100.0, steps=1000, seconds=100, done=5).over


def test_time_spent_before_an_interruption_counts() -> None:
    schedule = at(10.0, steps=1000, seconds=100, before=50.0)
    assert schedule.spent == 60
    assert schedule.seconds_left == 40


def test_without_a_limit_only_steps_count() -> None:
    schedule = at(1e6, steps=4, seconds=math.inf, done=1)
    assert schedule.share == 0.25
    assert schedule.seconds_left == pytest.approx(3e6)
