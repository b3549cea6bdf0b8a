import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError
from models.scored import Judged, Scored

some = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]), st.booleans()),
    max_size=40,
)


def judged(answers: list[tuple[int, float, bool]]) -> Judged:
    columns = list(zip(*answers, strict=True)) or [(), (), ()]
    return Judged(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.float64),
        np.array(columns[2], bool),
    )


@given(some, st.lists(st.floats(0, 1), max_size=5))
def test_counts_are_those_by_hand_ties_included(
    answers: list[tuple[int, float, bool]], extra: list[float]
) -> None:
    thresholds = [0.0, 0.3, 0.5, 0.9, 1.0, *extra]
    answered, wrong = judged(answers).counts(np.array(thresholds))
    for i, threshold in enumerate(thresholds):
        reaching = [right for _, confidence, right in answers if confidence >= threshold]
        assert (answered[i], wrong[i]) == (len(reaching), reaching.count(False))


def test_probabilities_become_answers() -> None:
    answers = Judged.of(np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1, 1]))
    assert answers.predicted.tolist() == [1, 0]
    assert answers.confidence.tolist() == [0.8, 0.6]
    assert answers.right.tolist() == [True, False]
    assert len(Judged.of(np.empty((0, 2)), np.empty(0, np.int64))) == 0


@pytest.mark.parametrize("confidence", [[1.1], [-0.1], [float("nan")], [0.5, 0.5]])
def test_what_cannot_be_is_refused(confidence: list[float]) -> None:
    with pytest.raises(ModelError):
        Scored(np.array([0]), np.array(confidence))


def test_verdicts_must_be_as_many_as_answers() -> None:
    with pytest.raises(ModelError, match="verdicts"):
        Judged(np.array([0]), np.array([0.5]), np.array([], bool))
