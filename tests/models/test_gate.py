import numpy as np
import pytest

from models.compare import Comparison, compare
from models.gate import Policy, judge


def found(both: int, fixed: int, broken: int) -> Comparison:
    old = np.repeat([0.9, 0.1, 0.9], [both, fixed, broken])
    new = np.repeat([0.9, 0.9, 0.1], [both, fixed, broken])
    old, new = np.column_stack([old, 1 - old]), np.column_stack([new, 1 - new])
    return compare(old, new, np.zeros(len(old), int))


@pytest.mark.parametrize(
    ("fixed", "broken", "learned_more", "promote"),
    [
        (20, 2, False, True),
        (20, 2, True, True),
        (2, 20, True, False),
        (2, 2, True, True),
        (2, 2, False, False),
        (2, 3, True, True),
        (1, 6, True, False),
    ],
)
def test_the_policy(fixed: int, broken: int, learned_more: bool, promote: bool) -> None:
    verdict = judge(found(100, fixed, broken), learned_more=learned_more)
    assert verdict.promote is promote
    assert verdict.reason.startswith(f"Of {100 + fixed + broken} held-out pictures")


def test_a_policy_may_be_stricter_or_laxer() -> None:
    worse_by_four = found(200, 1, 5)
    assert not judge(worse_by_four, learned_more=True, policy=Policy(slack=0.01)).promote
    assert judge(worse_by_four, learned_more=True, policy=Policy(slack=0.05)).promote


def test_with_nothing_held_out_what_learned_more_goes_on() -> None:
    nothing = compare(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, int))
    assert judge(nothing, learned_more=True).promote
    assert not judge(nothing, learned_more=False).promote
