import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.fitting import fit
from models.noise import find_noise


def names(count: int) -> list[str]:
    return [f"label {i}" for i in range(count)]


def clusters(per_label: int, labels: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(labels), per_label)
    centres = random.normal(size=(labels, 20)) * 2
    return centres[truth] + spread * random.normal(size=(len(truth), 20)), truth


@pytest.mark.parametrize(("per_label", "labels"), [(100, 2), (40, 6)])
def test_flipped_labels_are_found_with_the_right_suggestion(per_label: int, labels: int) -> None:
    rows, truth = clusters(per_label, labels, 1.0)
    random = np.random.default_rng(1)
    flipped = random.choice(len(truth), len(truth) // 20, replace=False)
    labelled = truth.copy()
    labelled[flipped] = (truth[flipped] + random.integers(1, labels, len(flipped))) % labels
    noise = find_noise(
        fit(rows, labelled, None, names(labels)).out_of_fold, labelled, names(labels)
    )
    found = [suspect.index for suspect in noise.suspects]
    right = [suspect.suggested == truth[suspect.index] for suspect in noise.suspects]
    assert len(set(found) & set(flipped.tolist())) > 0.8 * len(flipped)
    assert np.mean(right) > 0.9
    assert noise.share == pytest.approx(0.05, abs=0.025)
    assert noise.joint.sum() == pytest.approx(len(truth))
    assert np.allclose(noise.joint.sum(1), np.bincount(labelled))


def test_right_labels_are_not_accused() -> None:
    rows, truth = clusters(40, 5, 1.0)
    noise = find_noise(fit(rows, truth, None, names(5)).out_of_fold, truth, names(5))
    assert len(noise.suspects) <= 1


def test_a_model_that_knows_nothing_accuses_nobody() -> None:
    random = np.random.default_rng(0)
    rows, labelled = random.normal(size=(200, 30)), random.integers(0, 3, 200)
    noise = find_noise(fit(rows, labelled, None, names(3)).out_of_fold, labelled, names(3))
    assert noise.suspects == ()


def test_the_most_suspicious_come_first_with_a_reason() -> None:
    probabilities = np.array([[0.96, 0.04], [0.002, 0.998], [0.9, 0.1], [0.2, 0.8], [0.95, 0.05]])
    noise = find_noise(probabilities, np.array([0, 0, 0, 1, 1]), ["good", "bad"])
    assert [suspect.index for suspect in noise.suspects] == [1, 4]
    assert noise.suspects[0].reason == (
        "A model that never saw this picture is 99 % sure that it is "
        '"bad" and gives the label "good" less than 1 %.'
    )
    assert noise.suspects[0].score == pytest.approx(0.996)


def test_the_only_picture_of_a_label_is_not_accused() -> None:
    probabilities = np.array(
        [[0.99, 0.01, 0.0]] * 5 + [[0.01, 0.99, 0.0]] * 5 + [[0.99, 0.01, 0.0]]
    )
    labelled = np.array([0] * 5 + [1] * 5 + [2])
    assert find_noise(probabilities, labelled, names(3)).suspects == ()


def test_hundreds_of_labels_with_three_pictures_each() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(300), 3)
    probabilities = random.dirichlet(np.full(300, 0.1), 900) * 0.1
    probabilities[np.arange(900), truth] += 0.9
    labelled = truth.copy()
    labelled[::60] = (truth[::60] + 7) % 300
    noise = find_noise(probabilities, labelled, names(300))
    assert {suspect.index for suspect in noise.suspects} == set(range(0, 900, 60))


def test_nothing_to_judge() -> None:
    assert find_noise(np.empty((0, 2)), np.empty(0, np.int64), names(2)).suspects == ()
    assert find_noise(np.ones((4, 1)), np.zeros(4, np.int64), names(1)).share == 0
    with pytest.raises(ModelError, match=r"\[4, 2\]"):
        find_noise(np.ones((4, 3)), np.zeros(4, np.int64), names(2))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(2, 8), st.integers(0, 2**32 - 1))
def test_whatever_comes_the_counts_add_up(count: int, labels: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labelled = random.integers(0, labels, count)
    noise = find_noise(random.dirichlet(np.full(labels, 0.3), count), labelled, names(labels))
    assert np.allclose(noise.joint.sum(1), np.bincount(labelled, minlength=labels))
    assert -1e-9 <= noise.share <= 1
    assert all(suspect.given == labelled[suspect.index] for suspect in noise.suspects)
    assert all(suspect.given != suspect.suggested for suspect in noise.suspects)
