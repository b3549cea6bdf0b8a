"""When a rule holds: for which answers, how sure, whose, of pictures from where. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connector.db.tables import Prediction, Rule

# No label is called so: what stands in the place of the label of a rule with other conditions.
NEVER = ""
_WHO = {
    "person": "a person",
    "model": "the model",
    "policy": "the policy for overdue questions",
}

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Value = Text | bool | int | float
LabelName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class When(BaseModel):
    """All of these have to hold; what is absent is not asked."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

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
    metadata: dict[Text, Value | list[Value]] | None = Field(
        None,
        max_length=10,
        description="What came with the picture under these names is this, or one of these.",
    )
    sources: list[Text] | None = Field(
        None, min_length=1, max_length=50, description="It came by one of these (ids or names)."
    )

    @model_validator(mode="after")
    def _possible(self) -> When:
        low, high = self.min_confidence, self.max_confidence
        if low is not None and high is not None and low > high:
            raise ValueError("min_confidence is above max_confidence, so it would never hold")
        return self

    def kept(self) -> dict[str, Any]:
        """The form in which it is kept: without what is not asked."""
        return self.model_dump(mode="json", exclude_none=True)


@dataclass(frozen=True)
class Facts:
    """What a rule looks at. `confidence` is the model's in its own answer, whoever decided."""

    label: str | None
    confidence: float | None
    decided_by: str | None
    metadata: Mapping[str, Any]
    source_id: str

    @classmethod
    def of(cls, row: Prediction) -> Facts:
        """Those of a prediction."""
        return cls(row.label, row.confidence, row.decided_by, row.meta, row.source_id)


def of_rule(row: Rule) -> dict[str, Any]:
    """When this rule holds, in the form of `When.kept`."""
    if row.conditions:
        return row.conditions
    return {} if row.label is None else {"labels": [row.label]}


def columns(when: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a rule that holds then: one label, or none, stands in `label` alone."""
    labels = when.get("labels", [])
    if set(when) <= {"labels"} and len(labels) <= 1:
        return {"label": labels[0] if labels else None, "conditions": {}}
    return {"label": NEVER, "conditions": dict(when)}


def holds(when: Mapping[str, Any], facts: Facts) -> bool:
    """Whether everything that `when` (as `When.kept` gives it) asks is so."""
    if "labels" in when and facts.label not in when["labels"]:
        return False
    if "decided_by" in when and facts.decided_by != when["decided_by"]:
        return False
    if "sources" in when and facts.source_id not in when["sources"]:
        return False
    return _sure(when, facts.confidence) and _says(when.get("metadata", {}), facts.metadata)


def sentence(when: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """What it asks, for a person; `names` are those of the sources, by id."""
    parts = [f"the answer is {_or(when['labels'])}" if "labels" in when else "there is an answer"]
    if "decided_by" in when:
        parts.append(f"it came from {_WHO[when['decided_by']]}")
    if "min_confidence" in when:
        parts.append(f"the model was at least {when['min_confidence']:.4g} sure")
    if "max_confidence" in when:
        parts.append(f"the model was at most {when['max_confidence']:.4g} sure")
    for name, wanted in when.get("metadata", {}).items():
        parts.append(f"“{name}” is {_or(_list(wanted))}")
    if "sources" in when:
        known = names or {}
        parts.append(f"it came by {_or([known.get(one, one) for one in when['sources']])}")
    return f"When {', and '.join(parts)}"


def _sure(when: Mapping[str, Any], confidence: float | None) -> bool:
    low, high = when.get("min_confidence"), when.get("max_confidence")
    if low is None and high is None:
        return True
    if confidence is None:
        return False
    return (low is None or confidence >= low) and (high is None or confidence <= high)


def _says(wanted: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    return all(
        name in said and _text(said[name]) in map(_text, _list(values))
        for name, values in wanted.items()
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """A value as text: forms and file names know no numbers, so 3 and "3" are the same."""
    return value if isinstance(value, str) else json.dumps(value)


def _or(values: list[Any]) -> str:
    *others, last = [f"“{_text(value)}”" for value in values]
    return f"{', '.join(others)} or {last}" if others else last
