import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from models.answers import Answers
from models.selective import risk_coverage
from tests.models.answering import answers, any_answers


@settings(deadline=None)
@given(any_answers())
def test_each_point_is_what_its_threshold_gives(found: Answers) -> None:
    curve = risk_coverage(found.confidence, found.right)
    for point in curve["points"]:
        kept = found.confidence >= point["threshold"]
        assert point["coverage"] == pytest.approx(kept.mean(), abs=1e-4)
        assert point["error"] == pytest.approx((~found.right[kept]).mean(), abs=1e-4)
        assert point["upper"] >= point["error"] - 1e-4
    coverages = [point["coverage"] for point in curve["points"]]
    assert coverages == sorted(coverages)
    if len(found.hashes):
        assert coverages[-1] == 1


@settings(deadline=None)
@given(any_answers())
def test_order_does_not_matter(found: Answers) -> None:
    curve = risk_coverage(found.confidence, found.right)
    assert curve == risk_coverage(found.confidence[::-1], found.right[::-1])


def test_area_by_hand() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6])
    right = np.array([True, False, True, True])
    curve = risk_coverage(confidence, right)
    assert curve["aurc"] == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4, abs=1e-5)
    assert curve["points"][0]["upper"] == pytest.approx(0.95)
    # All equal: no order to gain from, so the area is the error itself.
    assert risk_coverage(np.full(4, 0.7), right)["aurc"] == pytest.approx(0.25)


def test_many_pictures_make_a_hundred_points_with_exact_bounds() -> None:
    found = answers(5000)
    points = risk_coverage(found.confidence, found.right)["points"]
    assert len(points) == 100
    one = points[40]
    kept = found.confidence >= one["threshold"]
    wrong = int((~found.right[kept]).sum())
    assert stats.binom.cdf(wrong, kept.sum(), one["upper"]) == pytest.approx(0.05, abs=2e-3)


def test_nothing_answered_is_an_empty_curve() -> None:
    assert risk_coverage(np.empty(0), np.empty(0, bool)) == {"points": [], "aurc": None}
