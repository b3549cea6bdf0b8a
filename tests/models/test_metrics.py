import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import metrics


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (95, 100, 0.8882, 0.9785),
    ],
)
def test_wilson_against_published_values(right: int, total: int, low: float, high: float) -> None:
    assert metrics.wilson(right, total) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_holds_the_share(a: int, b: int) -> None:
    low, high = metrics.wilson(min(a, b), max(a, b))
    assert 0 <= low <= high <= 1
    if max(a, b):
        assert low <= min(a, b) / max(a, b) <= high


PROBABILITIES = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
TARGETS = np.array([0, 1, 1, 0])


def test_summary_by_hand() -> None:
    result = metrics.summary(PROBABILITIES, TARGETS, ["x", "y", "z"])
    assert json.loads(json.dumps(result)) == result
    assert result["count"] == 4
    assert result["accuracy"] == 0.75
    assert result["confusion"] == {
        "labels": ["x", "y", "z"],
        "rows": [[2, 0, 0], [1, 1, 0], [0] * 3],
    }
    assert result["labels"]["x"] == {
        "count": 2,
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "f1": pytest.approx(0.8),
    }
    assert result["labels"]["z"] == {"count": 0, "precision": None, "recall": None, "f1": None}
    assert result["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.7, 0.5]).mean())
    # Bins .9 (right), .6 (wrong), .7 (right) and .5 (right), a quarter each.
    assert result["calibration_error"] == pytest.approx((0.1 + 0.6 + 0.3 + 0.5) / 4)


def test_nothing_to_score_is_no_error() -> None:
    result = metrics.summary(np.empty((0, 2)), np.empty(0, int), ["x", "y"])
    assert result["accuracy"] is None
    assert result["accuracy_interval"] == [0.0, 1.0]


def answers(confidences: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([confidences, 1 - confidences], 1), np.where(right, 0, 1)


def test_the_threshold_keeps_the_promised_share_right() -> None:
    rng = np.random.default_rng(0)
    confidences = rng.uniform(0.5, 1, 2000)
    probabilities, targets = answers(confidences, rng.uniform(size=2000) < confidences)
    chosen = metrics.default_threshold(probabilities, targets)
    kept = confidences >= chosen.value
    assert (targets[kept] == 0).mean() >= 0.98
    assert kept.sum() > 30, "and asks no more than it must"
    assert "98" in chosen.reason


def test_a_model_that_is_nearly_always_right_still_asks_below_four_fifths() -> None:
    probabilities, targets = answers(np.linspace(0.4, 1, 100), np.ones(100, bool))
    probabilities[:20] = [0.4, 0.3]
    assert metrics.default_threshold(probabilities, targets).value == 0.8


def test_a_model_that_is_often_wrong_asks_nearly_always() -> None:
    probabilities, targets = answers(np.linspace(0.6, 1, 100), np.zeros(100, bool))
    assert metrics.default_threshold(probabilities, targets).value == 0.99


def test_little_to_judge_by_means_caution() -> None:
    probabilities, targets = answers(np.linspace(0.6, 1, 20), np.ones(20, bool))
    chosen = metrics.default_threshold(probabilities, targets)
    assert chosen.value == 0.9
    assert "Only 20 pictures" in chosen.reason


@given(st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), max_size=80))
def test_a_threshold_is_always_between_a_half_and_099(pairs: list[tuple[float, bool]]) -> None:
    values = np.array(pairs, float).reshape(-1, 2)
    probabilities, targets = answers(values[:, 0], values[:, 1] > 0)
    assert 0.5 <= metrics.default_threshold(probabilities, targets).value <= 0.99
