import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import report
from models.answers import Answers
from models.errors import ModelError
from models.intervals import exact
from tests.models.answering import answers, any_answers, certain, hashes


@settings(deadline=None)
@given(any_answers(), st.integers(1, 8), st.booleans())
def test_counts_add_up_for_any_answers(found: Answers, per_group: int, folds: bool) -> None:
    groups = {sha: i // per_group for i, sha in enumerate(found.hashes[::2])}
    made = report.build(found, groups=groups, out_of_fold=found if folds else None)
    assert json.loads(json.dumps(made)) == made
    head, cells = made["headline"], made["confusion"]["cells"]
    assert head["count"] + head["repeats"] == len(found.hashes)
    assert sum(cell["count"] for cell in cells) == head["count"]
    assert sum(c["count"] for c in cells if c["given"] == c["answered"]) == head["right"]
    listed = [sha for cell in cells for sha in cell["pictures"]]
    assert len(set(listed)) == len(listed) == head["count"]
    assert sum(one["count"] for one in made["per_label"]) == head["count"]
    assert sum(one["right"] for one in made["per_label"]) == head["right"]
    assert len(made["worst_mistakes"]) == min(50, head["count"] - head["right"])
    for one in made["per_label"]:
        for name in ("precision", "recall", "f1"):
            if one[name]["value"] is not None:
                assert one[name]["low"] <= one[name]["value"] <= one[name]["high"]
    if not folds:
        assert made["cross_validation"] is None


@settings(deadline=None)
@given(any_answers(), st.integers(0, 2**32 - 1))
def test_the_order_of_pictures_changes_nothing(found: Answers, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(found.hashes))
    groups = {sha: i // 3 for i, sha in enumerate(found.hashes[:10])}
    assert report.build(found, groups=groups) == report.build(found.take(order), groups=groups)


def test_the_headline_says_how_often_and_how_sure() -> None:
    pairs = [("a", "a")] * 90 + [("b", "b")] * 107 + [("b", "a")] * 3
    head = report.build(certain(["a", "b"], pairs))["headline"]
    assert head["accuracy"]["value"] == 0.985
    low, high = exact(197, 200)
    assert head["accuracy"]["low"] == pytest.approx(low, abs=1e-4)
    assert head["accuracy"]["high"] == pytest.approx(high, abs=1e-4)
    assert head["balanced_accuracy"] == pytest.approx((1 + 107 / 110) / 2, abs=1e-4)
    assert head["sentence"] == (
        "Wrong about 2 times in 100; between 0 and 5 with 95 % confidence, judged on 200 pictures."
    )


def test_a_model_no_better_than_the_commonest_label_is_told_so() -> None:
    pairs = [("ok", "ok")] * 380 + [("bad", "ok")] * 15 + [("bad", "bad")] * 5
    head = report.build(certain(["bad", "ok"], pairs))["headline"]
    assert head["accuracy"]["value"] > 0.95
    assert "Always answering 'ok' would be right 380 times in 400" in head["sentence"]
    assert head["balanced_accuracy"] < 0.65


def test_copies_count_once() -> None:
    found = certain(["a", "b"], [("a", "a")] * 40 + [("b", "b")] * 40)
    groups = dict.fromkeys(found.hashes[:40], "the same frame")
    made = report.build(found, groups=groups)
    assert made["headline"]["count"] == 41
    assert "39 near-identical copies were not counted again" in made["headline"]["sentence"]
    assert made["per_label"][0]["count"] == 1
    assert made["not_judged"] == ["a"]
    assert made["near_duplicates"]["groups"] == 1
    assert made["near_duplicates"]["pictures"] == 40
    assert made["near_duplicates"]["contradictions"] == 0


def test_a_contradiction_is_found_across_the_sides_and_advised_on_first() -> None:
    sides = certain(["a", "b"], [("a", "a")] * 20 + [("b", "b")] * 20)
    held_out, training = sides.take([0, 39]), sides.take(np.arange(1, 39))
    groups = dict.fromkeys([sides.hashes[0], sides.hashes[20], sides.hashes[21]], 7)
    made = report.build(held_out, out_of_fold=training, groups=groups)
    (group,) = made["near_duplicates"]["contradicting"]
    assert {one["given"] for one in group} == {"a", "b"}
    assert made["advice"][0]["code"] == "contradictions"
    assert "1 group of" in made["advice"][0]["sentence"]


def test_cells_list_their_pictures_and_keep_the_full_count() -> None:
    pairs = [("a", "b")] * 230 + [("a", "a")] * 4000 + [("b", "a")] * 2
    made = report.build(certain(["a", "b"], pairs))
    cells = {(c["given"], c["answered"]): c for c in made["confusion"]["cells"]}
    assert [len(cells[0, 1]["pictures"]), cells[0, 1]["count"]] == [200, 230]
    assert [len(cells[0, 0]["pictures"]), cells[0, 0]["count"]] == [200, 4000]
    assert sorted(cells[1, 0]["pictures"]) == sorted(hashes(4232)[-2:])
    assert made["most_confused"][0]["sentence"] == "'a' was taken for 'b' 230 times of 4,230."


def test_mistakes_are_sorted_and_suspects_marked() -> None:
    found = answers(300, seed=4)
    wrong = [found.hashes[i] for i in np.flatnonzero(~found.right)]
    made = report.build(found, suspects={wrong[0]: "label 1"})
    worst, right = made["worst_mistakes"], made["hardest_right"]
    assert all(a["confidence"] >= b["confidence"] for a, b in pairwise(worst))
    assert all(a["confidence"] <= b["confidence"] for a, b in pairwise(right))
    assert all(one["given"] != one["answered"] for one in worst)
    assert all(one["given"] == one["answered"] for one in right)
    assert {one["sha256"] for one in worst if one["suspect"]} <= {wrong[0]}
    assert made["suspects"]["count"] == 1
    assert made["suspects"]["pictures"][0]["suggested"] == "label 1"
    assert "1 label that may be wrong" in made["advice"][0]["sentence"]


def test_thin_evidence_is_named() -> None:
    pairs = [("many", "many")] * 60 + [("few", "few")] * 3
    made = report.build(certain(["few", "many"], pairs), training_counts={"few": 6, "many": 200})
    advice = {one["code"]: one for one in made["advice"]}
    assert advice["few_pictures"]["labels"] == advice["not_judged"]["labels"] == ["few"]
    assert "'few': it has 6 pictures" in advice["few_pictures"]["sentence"]
    assert made["per_label"][0]["trained_on"] == 6
    # Three of three right: nothing is promised by it.
    assert made["per_label"][0]["recall"]["low"] < 0.3


def test_nothing_held_out_still_makes_a_report() -> None:
    training = answers(30)
    none = training.take([])
    made = report.build(none, out_of_fold=training)
    assert made["headline"]["accuracy"] == {"value": None, "low": 0.0, "high": 1.0}
    assert made["headline"]["sentence"] == "There is no picture to judge by yet."
    assert made["not_judged"] == list(training.labels)
    assert made["cross_validation"]["sentence"].startswith("In cross-validation: Wrong about")


@pytest.mark.parametrize("sharpness", [0.05, 4.0])
def test_ten_thousand_pictures_and_three_hundred_labels_stay_below_a_megabyte(
    sharpness: float,
) -> None:
    held_out = answers(10_000, 300, sharpness=sharpness)
    training = answers(10_000, 300, seed=1, sharpness=sharpness)
    every = held_out.hashes + training.hashes
    groups = {sha: i // 2 for i, sha in enumerate(every)}
    made = report.build(
        held_out,
        out_of_fold=training,
        groups=groups,
        suspects=dict.fromkeys(every[:2000], "label 7"),
    )
    assert len(json.dumps(made)) < 1_000_000
    cells = made["confusion"]
    assert sum(c["count"] for c in cells["cells"]) + cells["cells_left_out"] <= 10_000


def test_a_label_that_the_version_does_not_know_is_an_error() -> None:
    with pytest.raises(ModelError, match="does not know 'c'"):
        report.build(certain(["a", "b"], [("c", "a")]))
    with pytest.raises(ModelError, match="different labels"):
        report.build(certain(["a", "b"], []), out_of_fold=certain(["b", "a"], []))
