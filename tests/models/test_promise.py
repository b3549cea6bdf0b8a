import json
from typing import Any

import pytest

from models import promise
from models.errors import ModelError
from models.promise import AskNothing, Capacity, ErrorRate, ErrorRatePerLabel, Promise


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (AskNothing(), "none"),
        (ErrorRate(0.02), "error_rate"),
        (ErrorRatePerLabel(0.1), "per_label"),
        (Capacity(20, 500), "capacity"),
    ],
)
def test_through_json_and_back(made: Promise, kind: str) -> None:
    data = json.loads(json.dumps(promise.to_json(made)))
    assert data["kind"] == kind
    assert promise.from_json(data) == made
    assert made.sentence


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "luck"},
        {"kind": "error_rate"},
        {"kind": "error_rate", "alpha": 0},
        {"kind": "error_rate", "alpha": 1},
        {"kind": "error_rate", "alpha": "few"},
        {"kind": "error_rate", "alpha": None},
        {"kind": "error_rate", "alpha": float("nan")},
        {"kind": "none", "alpha": 0.1},
        {"kind": "capacity", "questions_per_day": -1, "pictures_per_day": 5},
        {"kind": "capacity", "questions_per_day": 1, "pictures_per_day": 0},
        {"kind": "capacity", "questions_per_day": float("inf"), "pictures_per_day": 5},
    ],
)
def test_what_is_no_promise_is_refused_with_a_way_on(data: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as refused:
        promise.from_json(data)
    assert refused.value.code == "bad_promise"


def test_more_questions_than_pictures_means_all() -> None:
    assert Capacity(50, 20).share == 1
    assert Capacity(5, 20).share == 0.25
    assert "2 %" in ErrorRate(0.02).sentence
