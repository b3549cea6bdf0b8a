"""Which events a subscription wants: of which classifiers and labels, how sure, whose. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connector.domain import conditions
from connector.domain.conditions import LabelName
from connector.errors import Unprocessable

EVENT_TYPES = (
    "prediction.completed",
    "review.requested",
    "review.answered",
    "model.promoted",
    "model.rejected",
    "promise.warning",
    "promise.broken",
    "alert.raised",
    "action.failed",
)
_ANSWER = frozenset({"classifier_ids", "labels", "min_confidence", "max_confidence", "decided_by"})
_OF_CLASSIFIER = frozenset({"classifier_ids"})
# What can be asked of an event: of any other type, of which classifier it is.
ASKABLE: Mapping[str, frozenset[str]] = {
    "prediction.completed": _ANSWER | {"statuses"},
    "alert.raised": _ANSWER,
    "action.failed": _ANSWER,
    "review.answered": frozenset({"classifier_ids", "labels"}),
}
# These tell of a picture, and hold its prediction.
_HOLD_A_PREDICTION = frozenset({"alert.raised", "action.failed"})

Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class EventFilters(BaseModel):
    """All of these have to hold; what is absent is not asked."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    classifier_ids: list[Id] | None = Field(
        None, min_length=1, max_length=50, description="It is of one of these classifiers."
    )
    labels: list[LabelName] | None = Field(
        None, min_length=1, max_length=100, description="The answer is one of these."
    )
    min_confidence: float | None = Field(
        None, ge=0, le=1, description="The model was at least this sure of its answer."
    )
    max_confidence: float | None = Field(
        None, ge=0, le=1, description="The model was at most this sure of its answer."
    )
    decided_by: Literal["model", "person", "policy"] | None = Field(
        None, description="Who answered."
    )
    statuses: list[Literal["done", "failed"]] | None = Field(
        None, min_length=1, max_length=2, description="It was answered, or could not be."
    )

    @model_validator(mode="after")
    def _possible(self) -> EventFilters:
        low, high = self.min_confidence, self.max_confidence
        if low is not None and high is not None and low > high:
            raise ValueError("min_confidence is above max_confidence, so it would never hold")
        return self

    def kept(self) -> dict[str, Any]:
        """The form in which it is kept: without what is not asked."""
        return self.model_dump(mode="json", exclude_none=True)


def check(filters: Mapping[str, Any], event_types: Sequence[str]) -> None:
    """Raise Unprocessable (bad_filter) for a filter that one of these types cannot be asked."""
    for event_type in event_types:
        askable = ASKABLE.get(event_type, _OF_CLASSIFIER)
        if senseless := sorted(set(filters) - askable):
            raise Unprocessable(
                f"An event {event_type} cannot be asked for {', '.join(senseless)}, only for "
                f"{', '.join(sorted(askable))}; subscribe to it apart, without that.",
                code="bad_filter",
            )


def passes(filters: Mapping[str, Any], event_type: str, payload: Mapping[str, Any]) -> bool:
    """Say whether a subscription with these filters (as `kept` gives them) wants this event."""
    if not filters:
        return True
    about = payload.get("prediction", {}) if event_type in _HOLD_A_PREDICTION else payload
    # A classifier's own events are the classifier itself.
    whose = about.get("classifier_id", about.get("id"))
    if "classifier_ids" in filters and whose not in filters["classifier_ids"]:
        return False
    if "statuses" in filters and about.get("status") not in filters["statuses"]:
        return False
    rest = {name: filters[name] for name in filters if name not in ("classifier_ids", "statuses")}
    said = conditions.Facts(
        about.get("label"), about.get("confidence"), about.get("decided_by"), {}, ""
    )
    return conditions.holds(rest, said)


def sentence(filters: Mapping[str, Any]) -> str:
    """What is asked, in brief, for a person; "all" where nothing is."""
    parts = []
    for name, value in filters.items():
        values = value if isinstance(value, list) else [value]
        parts.append(f"{name.replace('_', ' ')} {', '.join(map(str, values))}")
    return "; ".join(parts) or "all"
