import numpy as np
import pytest

from models.answers import Answers
from models.errors import ModelError
from models.split import representative
from tests.models.answering import answers, certain


def test_what_is_right_and_what_is_not() -> None:
    found = certain(["a", "b"], [("a", "a"), ("a", "b"), ("new", "b")])
    assert found.targets.tolist() == [0, 0, -1]
    assert found.predicted.tolist() == [0, 1, 1]
    assert found.right.tolist() == [True, False, False]
    assert found.confidence.tolist() == [0.9] * 3
    assert found.take([2, 0]).truths == ("new", "a")


def test_no_pictures_are_no_error() -> None:
    none = Answers.of(["a", "b"], [], np.empty((0, 0)), np.empty(0, np.int64))
    assert none.predicted.shape == none.right.shape == none.confidence.shape == (0,)
    assert none.distinct({}).hashes == ()


def test_parts_that_do_not_fit_are_refused_with_a_sentence() -> None:
    with pytest.raises(ModelError, match="3 pictures and 2 labels need") as refused:
        Answers(("a", "b"), ("1", "2", "3"), np.ones((3, 1)), ("a", "b", "a"))
    assert refused.value.code == "answers_do_not_fit"


def test_one_of_each_group_of_near_identical_pictures_counts() -> None:
    found = answers(40)
    groups = {sha: i // 4 for i, sha in enumerate(found.hashes[:20])}
    once = found.distinct(groups)
    assert len(once.hashes) == 5 + 20
    assert list(once.hashes) == sorted(once.hashes)
    assert representative(found.hashes[:4]) in once.hashes
    row = found.hashes.index(once.hashes[0])
    assert np.array_equal(once.probabilities[0], found.probabilities[row])
    assert once.truths[0] == found.truths[row]
    twice = Answers(
        found.labels, found.hashes * 2, np.tile(found.probabilities, (2, 1)), found.truths * 2
    )
    assert twice.distinct(groups).hashes == once.hashes
