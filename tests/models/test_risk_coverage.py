import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.risk_coverage import risk_coverage
from models.scored import Judged


def judged(confidence: list[float], right: list[bool]) -> Judged:
    return Judged(np.zeros(len(right), np.int64), np.array(confidence), np.array(right, bool))


def test_by_hand() -> None:
    curve = risk_coverage(judged([0.9, 0.8, 0.7, 0.6], [True, False, True, False]))
    assert [point.error for point in curve.points] == [0, 1 / 2, 1 / 3, 1 / 2]
    assert [point.coverage for point in curve.points] == [0.25, 0.5, 0.75, 1]
    assert curve.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    exact = stats.binomtest(1, 3).proportion_ci(method="exact")
    assert (curve.points[2].low, curve.points[2].high) == pytest.approx((exact.low, exact.high))
    assert json.loads(json.dumps(curve.to_json()))["area"] == curve.area


def test_nothing_gives_an_empty_curve() -> None:
    assert risk_coverage(judged([], [])).to_json() == {"points": [], "area": None}


def test_answers_that_tie_come_together_in_random_order() -> None:
    curve = risk_coverage(judged([0.5, 0.5], [True, False]))
    assert [(point.answered, point.wrong) for point in curve.points] == [(2, 1)]
    assert curve.area == pytest.approx(0.5)


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.booleans()), min_size=1))
def test_the_order_of_the_pictures_does_not_matter(answers: list[tuple[float, bool]]) -> None:
    one, other = (
        risk_coverage(judged(*map(list, zip(*some, strict=True))))
        for some in (answers, answers[::-1])
    )
    assert one.points == other.points
    assert one.area == pytest.approx(other.area)
    assert one.points[-1].coverage == 1


def test_many_pictures_make_at_most_200_points_from_first_to_last() -> None:
    random = np.random.default_rng(0)
    confidence = random.random(5000)
    curve = risk_coverage(
        Judged(np.zeros(5000, np.int64), confidence, random.random(5000) < confidence)
    )
    assert len(curve.points) == 200
    assert curve.points[0].threshold == confidence.max()
    assert curve.points[-1].answered == 5000
    assert curve.area is not None
    assert 0.15 < curve.area < curve.points[-1].error
