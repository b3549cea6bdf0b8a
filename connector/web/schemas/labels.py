"""Labels over the wire, and what contradicts them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connector.web.schemas.base import LabelName, Resource, Wanted


class Label(Resource):
    """One answer that a classifier can give."""

    id: str
    classifier_id: str
    name: str
    position: int = Field(description="Its place among the labels, from 0.")
    examples: int


class LabelList(Resource):
    """All labels, in their order."""

    items: list[Label]
    next_cursor: None = None


class LabelCreate(Wanted):
    """A new label."""

    name: LabelName


class LabelUpdate(Wanted):
    """What to change; what is absent stays."""

    name: LabelName | None = None
    position: int | None = Field(None, ge=0, le=10_000, description="Its place, from 0.")


class LabelMerge(Wanted):
    """The label that this one becomes part of."""

    into: str = Field(min_length=1, max_length=100, description="The id of the other label.")


class LabelRemovalQuery(Wanted):
    """What becomes of the label's examples."""

    examples: Literal["unlabel", "delete"] | None = Field(
        None,
        description="unlabel: the pictures are kept, to be labelled anew; delete: they are "
        "forgotten. Left out, a label that has examples is not removed.",
    )


class Contradiction(Resource):
    """Something else that was said of the same picture, or of one that is nearly the same."""

    kind: Literal["same", "near_identical"]
    example_id: str = Field(description="The example that says otherwise.")
    label: str = Field(description="The label it had before.")
    sentence: str
