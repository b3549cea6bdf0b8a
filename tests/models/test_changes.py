import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.answers import Answers
from models.changes import compare_versions
from models.errors import ModelError
from tests.models.answering import answers, any_answers, certain


@settings(deadline=None)
@given(any_answers(), st.integers(0, 2**32 - 1))
def test_counts_add_up_and_order_does_not_matter(before: Answers, seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.permutation(before.probabilities)
    after = Answers(before.labels, before.hashes, probabilities, before.truths)
    made = compare_versions(before, after)
    assert json.loads(json.dumps(made)) == made
    change = made["newly_right"]["count"] - made["newly_wrong"]["count"]
    assert made["right_after"] - made["right_before"] == change
    for name in ("newly_right", "newly_wrong"):
        assert sum(one[name] for one in made["per_label"]) == made[name]["count"]
    assert sum(one["count"] for one in made["per_label"]) == made["count"] == len(before.hashes)
    order = random.permutation(len(before.hashes))
    assert compare_versions(before.take(order), after) == made


def test_what_became_right_and_wrong_is_listed() -> None:
    labels = ["a", "b"]
    before = certain(labels, [("a", "a"), ("a", "b"), ("b", "b"), ("b", "a")])
    after = certain(labels, [("a", "a"), ("a", "a"), ("b", "a"), ("b", "a")])
    made = compare_versions(before, after)
    (right,), (wrong,) = made["newly_right"]["pictures"], made["newly_wrong"]["pictures"]
    assert (right["sha256"], right["before"], right["after"]) == (before.hashes[1], "b", "a")
    assert (wrong["sha256"], wrong["given"], wrong["after"]) == (before.hashes[2], "b", "a")
    assert made["accuracy_change"]["value"] == 0
    assert [one["recall_change"]["value"] for one in made["per_label"]] == [0.5, -0.5]
    assert made["sentence"].startswith("Of 4 pictures, 1 became right and 1 wrong: anything from")


def test_a_clear_change_is_named_either_way() -> None:
    good = certain(["a", "b"], [("a", "a")] * 300)
    poor = certain(["a", "b"], [("a", "b")] * 30 + [("a", "a")] * 270)
    made = compare_versions(poor, good)
    assert "10 points fewer mistakes (between 7.1 and 14" in made["sentence"]
    assert "10 points more mistakes" in compare_versions(good, poor)["sentence"]
    listed = made["newly_right"]["pictures"]
    assert len(listed) == 30
    assert all(a["confidence_after"] >= b["confidence_after"] for a, b in pairwise(listed))


def test_only_pictures_of_both_count_and_copies_once() -> None:
    whole = answers(50)
    groups = dict.fromkeys(whole.hashes[10:15], "copies")
    made = compare_versions(whole.take(range(30)), whole.take(range(10, 50)), groups)
    assert made["count"] == 20 - 4
    assert made["sentence"] == "Both versions are right about the same of 16 pictures."
    assert "no picture" in compare_versions(whole.take([0]), whole.take([1]))["sentence"]


def test_a_new_label_counts_against_the_version_that_does_not_know_it() -> None:
    before = certain(["a", "b"], [("c", "a"), ("a", "a"), ("c", "b")])
    after = certain(["a", "c"], [("c", "c"), ("a", "a"), ("c", "a")])
    made = compare_versions(before, after)
    assert made["labels_added"] == ["c"]
    assert made["labels_removed"] == ["b"]
    assert [(one["label"], one["newly_right"]) for one in made["per_label"]] == [("a", 0), ("c", 1)]
    assert made["differently_wrong"]["count"] == 1


def test_different_truths_are_refused() -> None:
    with pytest.raises(ModelError, match="different true labels"):
        compare_versions(certain(["a", "b"], [("a", "a")]), certain(["a", "b"], [("b", "a")]))
