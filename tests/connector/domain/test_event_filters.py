"""Which events pass a subscription's filters."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connector.domain.event_filters import (
    ASKABLE,
    EVENT_TYPES,
    EventFilters,
    check,
    passes,
    sentence,
)
from connector.errors import Unprocessable

PICTURE = {
    "id": "pred_1",
    "classifier_id": "clf_1",
    "status": "done",
    "label": "scratched",
    "confidence": 0.8,
    "decided_by": "model",
}
YES: list[dict[str, Any]] = [
    {},
    {"classifier_ids": ["clf_2", "clf_1"]},
    {"labels": ["dented", "scratched"]},
    {"min_confidence": 0.8, "max_confidence": 0.8},
    {"decided_by": "model"},
    {"labels": ["scratched"], "min_confidence": 0.5, "classifier_ids": ["clf_1"]},
]
NO: list[dict[str, Any]] = [
    {"classifier_ids": ["clf_2"]},
    {"labels": ["dented"]},
    {"min_confidence": 0.81},
    {"max_confidence": 0.79},
    {"decided_by": "person"},
    {"labels": ["scratched"], "min_confidence": 0.9},
]


@pytest.mark.parametrize("event_type", ["prediction.completed", "alert.raised", "action.failed"])
@pytest.mark.parametrize(("filters", "wanted"), [(f, True) for f in YES] + [(f, False) for f in NO])
def test_all_that_is_asked_has_to_hold(
    event_type: str, filters: dict[str, Any], wanted: bool
) -> None:
    check(filters, [event_type])
    inside = {"action_id": "act_1", "id": "act_1", "prediction": PICTURE}
    payload = PICTURE if event_type == "prediction.completed" else inside
    assert passes(filters, event_type, payload) is wanted


def test_a_failed_picture_has_no_confidence_and_a_status() -> None:
    failed = {**PICTURE, "status": "failed", "label": None, "confidence": None, "decided_by": None}
    assert passes({"statuses": ["failed"]}, "prediction.completed", failed)
    assert not passes({"statuses": ["done"]}, "prediction.completed", failed)
    assert not passes({"max_confidence": 1}, "prediction.completed", failed)


def test_the_events_of_a_classifier_are_told_by_its_id() -> None:
    only = {"classifier_ids": ["clf_1"]}
    for event_type in set(EVENT_TYPES) - set(ASKABLE):
        check(only, [event_type])
    assert passes(only, "promise.broken", {"id": "clf_1", "name": "Parts"})
    assert not passes(only, "promise.broken", {"id": "clf_2", "name": "Parts"})
    assert passes(only, "model.promoted", {"classifier_id": "clf_1", "number": 3})


@pytest.mark.parametrize(
    ("filters", "event_types"),
    [
        ({"labels": ["ok"]}, ["model.promoted"]),
        ({"statuses": ["done"]}, ["alert.raised"]),
        ({"min_confidence": 0.5}, ["prediction.completed", "review.answered"]),
        ({"decided_by": "person"}, ["review.requested"]),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    filters: dict[str, Any], event_types: list[str]
) -> None:
    with pytest.raises(Unprocessable) as refused:
        check(filters, event_types)
    assert refused.value.code == "bad_filter"
    assert next(iter(filters)) in refused.value.detail
    assert event_types[-1] in refused.value.detail


@pytest.mark.parametrize(
    "said",
    [
        {"labels": []},
        {"label": "ok"},
        {"min_confidence": 1.1},
        {"min_confidence": 0.9, "max_confidence": 0.1},
        {"statuses": ["queued"]},
        {"decided_by": "nobody"},
    ],
)
def test_impossible_filters_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EventFilters.model_validate(said)


def test_they_can_be_read() -> None:
    assert sentence({}) == "all"
    asked = EventFilters(labels=["ok", "dented"], min_confidence=0.9)
    assert sentence(asked.kept()) == "labels ok, dented; min confidence 0.9"
