import json

import numpy as np
import pytest

from models import forecast, thinning
from tests.models.test_learning_curve import blobs, varied


def test_draws_become_verdicts() -> None:
    spread = np.linspace(-1, 1, 1001)
    assert forecast.verdict(0.03 + 0.01 * spread) == "worth"
    assert forecast.verdict(0.001 + 0.002 * spread) == "enough"
    assert forecast.verdict(0.02 + 0.05 * spread) == "cannot_tell"
    # Sure to be more than nothing, and still not worth anyone's while.
    assert forecast.verdict(0.002 + 0.001 * spread) == "enough"
    assert forecast.interval(spread) == {"value": 0.0, "low": -0.9, "high": 0.9}


def test_the_label_that_lacks_pictures_is_the_one_to_add_to() -> None:
    rows, targets = varied([60, 60, 60, 60], 40)
    made = forecast.build(rows, targets, ["varied", "b", "c", "d"], strength=0.01)
    assert json.loads(json.dumps(made)) == made
    lacking, *rest = made["labels"]
    assert lacking["verdict"] == "worth"
    assert made["next"] == lacking["sentence"]
    assert lacking["sentence"].startswith("60 more of 'varied' would cut errors by about ")
    assert all(one["gain"]["value"] < lacking["gain"]["value"] for one in rest)
    assert {one["verdict"] for one in rest} <= {"enough", "cannot_tell"}


def test_the_best_of_many_uncertain_gains_is_not_believed() -> None:
    random = np.random.default_rng(0)
    by_chance = [random.normal(at, 1, 2000) for at in (-1.3, -0.5, -0.2, 0.3, 0.6, 1.6)]
    drawn = forecast.shrunk(by_chance)
    assert max(draws.mean() for draws in drawn) < 0.5
    apart = [random.normal(shift, 1, 2000) for shift in (0, 0, 0, 20)]
    assert forecast.shrunk(apart)[3].mean() == pytest.approx(20, abs=1)
    assert forecast.shrunk(apart)[3].std() == pytest.approx(1, abs=0.1)
    assert forecast.shrunk(apart[:1]) == apart[:1]


def test_where_no_label_stands_out_all_are_asked_for() -> None:
    rows, targets = blobs([30, 30, 30], 0.3, dims=60)
    made = forecast.build(rows, targets, ["a", "b", "c"], strength=0.01)
    assert made["as_many_again"]["verdict"] == "worth"
    assert made["next"].startswith("90 more pictures over all labels would cut errors by about")
    assert made["next"].endswith("No single label stands out.")


def test_a_solved_job_needs_no_more_pictures() -> None:
    rows, targets = blobs([150, 150], 4.0)
    made = forecast.build(rows, targets, ["a", "b"], strength=0.01)
    assert made["as_many_again"]["verdict"] == "enough"
    assert "hardly help" in made["as_many_again"]["sentence"]
    assert made["next"].startswith("More pictures would hardly help")
    assert [one["verdict"] for one in made["labels"]] == ["enough", "enough"]


def test_few_pictures_of_a_hard_job_leave_doubt_and_say_so() -> None:
    rows, targets = blobs([12, 12], 0.05)
    made = forecast.build(rows, targets, ["a", "b"], strength=0.01)
    assert {one["verdict"] for one in made["labels"]} == {"cannot_tell"}
    assert all("cannot be told yet" in one["sentence"] for one in made["labels"])


def test_too_few_for_any_forecast() -> None:
    rows, targets = blobs([5, 5], 1.0)
    made = forecast.build(rows, targets, ["a", "b"], strength=0.01)
    assert made["next"] == "10 pictures are too few for a forecast."
    assert made["labels"] == []


def test_points_fall_and_are_marked_as_measured_or_not() -> None:
    rows, targets = blobs([60, 60, 60], 0.7)
    made = forecast.build(rows, targets, ["a", "b", "c"], strength=0.01)
    middles = [one["error"]["value"] for one in made["points"]]
    assert middles == sorted(middles, reverse=True)
    measured = [one["measured"] is not None for one in made["points"]]
    assert measured == [True] * 4 + [False] * 4
    assert [one["pictures"] for one in made["points"][4:]] == [180, 270, 360, 720]
    assert made == forecast.build(rows, targets, ["a", "b", "c"], strength=0.01), "deterministic"


@pytest.mark.parametrize("sizes", [[300, 2], [1, 40, 40], [2] * 60, [3] * 300])
def test_imbalance_lonely_pictures_and_many_labels(sizes: list[int]) -> None:
    rows, targets = blobs(sizes, 2.0)
    names = [f"label {i}" for i in range(len(sizes))]
    made = forecast.build(rows, targets, names, strength=0.01)
    assert [one["label"] for one in made["labels"]] == names
    assert sum(one["gain"] is not None for one in made["labels"]) <= 6
    assert all(one["sentence"] for one in made["labels"])
    assert len(json.dumps(made)) < 200_000


def test_where_work_is_scarce_a_part_of_the_pictures_is_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, targets = blobs([4000, 4000], 0.5, dims=4)
    monkeypatch.setattr(thinning, "_BUDGET", 130_000)
    whole = thinning.problem(rows, targets, 2, strength=0.01)
    asked = ~np.isnan(thinning.curve(whole, forecast.SHARES).wrong[0])
    assert asked.sum() == len(targets) / 5
    made = forecast.build(rows, targets, ["a", "b"], strength=0.01)
    assert made["points"][3]["pictures"] == pytest.approx(0.8 * len(targets), abs=1)
    assert all(one["gain"] is not None for one in made["labels"])
