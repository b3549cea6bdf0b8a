import json

import numpy as np
import pytest
from hypothesis import given, settings

from models import calibration
from models.answers import Answers
from tests.models.answering import answers, any_answers


def test_untempering_undoes_a_temperature() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 4)) * 5

    def softmax(values: np.ndarray) -> np.ndarray:
        return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)

    tempered = softmax(logits / 2.5)
    assert calibration.untempered(tempered, 2.5) == pytest.approx(softmax(logits))
    certain = np.array([[1.0, 0.0]])
    assert calibration.untempered(certain, 3.0) == pytest.approx(certain)


def test_brier_by_hand() -> None:
    probabilities, targets = np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([0, 0])
    expected = ((0.2**2 + 0.2**2) + (0.6**2 + 0.6**2)) / 2
    assert calibration.brier(probabilities, targets) == pytest.approx(expected)


@settings(deadline=None)
@given(any_answers())
def test_bins_hold_every_picture_once_and_equal_confidences_together(found: Answers) -> None:
    bins = calibration.equal_mass_bins(found.confidence)
    for value in np.unique(found.confidence):
        assert len(set(bins[found.confidence == value])) == 1
    said = calibration.reliability(found.confidence, found.right)
    assert sum(one["count"] for one in said) == len(found.hashes)
    described = calibration.describe(found, 1.3)
    assert json.loads(json.dumps(described)) == described


@settings(deadline=None)
@given(any_answers())
def test_the_order_of_pictures_does_not_matter(found: Answers) -> None:
    turned = found.take(np.arange(len(found.hashes))[::-1])
    assert calibration.describe(found, 1.3) == calibration.describe(turned, 1.3)


def test_forty_good_pictures_do_not_read_as_badly_calibrated() -> None:
    said = [calibration.describe(answers(40, seed=seed), 1.0) for seed in range(60)]
    assert np.mean([one["adaptive_ece"] for one in said]) > 0.05, "although the error looks large"
    blamed = [one for one in said if one["verdict"] != "no_fault_found"]
    # At 5 % false alarms, more than 10 of 60 has a probability of 2 in 10,000; the seeds are fixed.
    assert len(blamed) <= 10


def test_the_share_by_chance_is_what_a_perfect_model_shows() -> None:
    said = [calibration.describe(answers(200, seed=seed), 1.0) for seed in range(40)]
    real = np.mean([one["adaptive_ece"] for one in said])
    expected = np.mean([one["adaptive_ece_by_chance"] for one in said])
    assert real == pytest.approx(expected, rel=0.1)


def test_claiming_too_much_and_too_little_are_told_apart() -> None:
    too_sure = calibration.describe(answers(600, claimed=2.5), 1.0)
    assert too_sure["verdict"] == "too_sure"
    assert "too sure of itself" in too_sure["sentence"]
    assert too_sure["adaptive_ece"] > too_sure["adaptive_ece_by_chance_95"]
    assert calibration.describe(answers(600, claimed=0.4), 1.0)["verdict"] == "too_modest"


def test_right_on_average_but_off_in_places() -> None:
    confidence = np.repeat([0.6, 0.9], 200)
    right = np.repeat([True, False, True, False], [180, 20, 120, 80])
    found = Answers.of(
        ["a", "b"],
        answers(400).hashes,
        np.stack([confidence, 1 - confidence], axis=1),
        np.where(right, 0, 1),
    )
    assert calibration.describe(found, 1.0)["verdict"] == "uneven"


def test_a_temperature_shows_in_before_and_after() -> None:
    said = calibration.describe(answers(2000), 0.4)
    assert said["ece"] < 0.05 < said["ece_before_temperature"]
    assert said["log_loss"] < said["log_loss_before_temperature"]


def test_too_few_say_so() -> None:
    for count in (0, 1, 12):
        said = calibration.describe(answers(count), 1.0)
        assert said["verdict"] == "too_few"
        assert f"from {count} picture" in said["sentence"]
