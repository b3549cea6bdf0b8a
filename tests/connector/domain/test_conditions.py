"""When a rule holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.db.tables import Rule
from connector.domain import conditions
from connector.domain.conditions import Facts, When, holds

FACTS = Facts("red", 0.9, "model", {"camera": 3, "site": "north", "night": True}, "src_1")


def when(**asked: Any) -> dict[str, Any]:
    return When.model_validate(asked).kept()


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"labels": ["blue", "red"]},
        {"min_confidence": 0.9},
        {"max_confidence": 0.9},
        {"min_confidence": 0.5, "max_confidence": 1},
        {"decided_by": "model"},
        {"sources": ["src_2", "src_1"]},
        {"metadata": {"camera": 3}},
        # A form knows no numbers.
        {"metadata": {"camera": "3"}},
        {"metadata": {"camera": [1, 3], "site": "north"}},
        {"metadata": {"night": True}},
        {"labels": ["red"], "decided_by": "model", "min_confidence": 0.8, "sources": ["src_1"]},
    ],
)
def test_it_holds(asked: dict[str, Any]) -> None:
    assert holds(when(**asked), FACTS)


@pytest.mark.parametrize(
    "asked",
    [
        {"labels": ["blue", "Red"]},
        {"min_confidence": 0.91},
        {"max_confidence": 0.89},
        {"decided_by": "person"},
        {"sources": ["src_2"]},
        {"metadata": {"camera": 4}},
        {"metadata": {"camera": 3, "lens": "wide"}},
        {"metadata": {"night": 1}},
        {"labels": ["red"], "decided_by": "person"},
    ],
)
def test_it_does_not_hold(asked: dict[str, Any]) -> None:
    assert not holds(when(**asked), FACTS)


def test_without_a_confidence_nothing_is_sure_enough_nor_unsure_enough() -> None:
    unsure = Facts("red", None, "person", {}, "src_1")
    assert not holds(when(min_confidence=0), unsure)
    assert not holds(when(max_confidence=1), unsure)
    assert holds(when(labels=["red"]), unsure)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "labels": st.lists(st.sampled_from(["red", "green", "blue"]), min_size=1, unique=True),
            "min_confidence": st.floats(0, 0.5),
            "max_confidence": st.floats(0.5, 1),
            "decided_by": st.sampled_from(["model", "person"]),
            "sources": st.just(["src_1"]),
        },
    ),
    st.sampled_from(["red", "green", "blue"]),
    st.floats(0, 1),
    st.sampled_from(["model", "person"]),
)
def test_each_condition_narrows_and_what_is_kept_says_the_same(
    asked: dict[str, Any], label: str, confidence: float, by: str
) -> None:
    facts = Facts(label, confidence, by, {}, "src_1")
    kept = when(**asked)
    row = Rule(**conditions.columns(kept))
    assert conditions.of_rule(row) == kept
    assert holds(kept, facts) == all(holds(when(**{name: asked[name]}), facts) for name in asked)
    # A release that knows labels alone never does more than this one.
    if row.label in (None, label):
        assert holds(kept, facts)
    assert conditions.sentence(kept).startswith("When ")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"labels": []}, "at least 1 item"),
        ({"min_confidence": 1.1}, "less than or equal to 1"),
        ({"min_confidence": 0.9, "max_confidence": 0.1}, "would never hold"),
        ({"decided_by": "nobody"}, "'model', 'person' or 'policy'"),
        ({"label": "red"}, "Extra inputs"),
        ({"metadata": {"camera": None}}, "valid"),
        ({"min_confidence": float("nan")}, "finite number"),
    ],
)
def test_what_cannot_be_is_refused(asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        When.model_validate(asked)


def test_it_is_said_in_words() -> None:
    asked = when(
        labels=["red", "green", "blue"],
        decided_by="model",
        min_confidence=0.95,
        metadata={"camera": [1, 2]},
        sources=["src_1", "src_9"],
    )
    assert conditions.sentence(asked, {"src_1": "door"}) == (
        "When the answer is “red”, “green” or “blue”, and it came from the model, and the model "
        "was at least 0.95 sure, and “camera” is “1” or “2”, and it came by “door” or “src_9”"
    )
    assert conditions.sentence({}) == "When there is an answer"
