"""What happened, over the wire, in the form in which webhooks tell of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connector.web.schemas.base import Json, LabelName, Resource, Wanted


class EventQuery(Wanted):
    """Which events; what is absent is not asked."""

    event_type: str = Field(max_length=100, description="As in a subscription's `event_types`.")
    limit: int = Field(3, ge=1, le=100, description="How many, the newest first.")
    classifier_id: str | None = Field(None, min_length=1, max_length=100)
    label: LabelName | None = None
    min_confidence: float | None = Field(None, ge=0, le=1)
    max_confidence: float | None = Field(None, ge=0, le=1)
    decided_by: Literal["model", "person", "policy"] | None = None
    status: Literal["done", "failed"] | None = None


class Message(Resource):
    """One event: the body of a webhook."""

    type: str
    timestamp: str
    data: Json = Field(description="The resource, as the API shows it.")


class RecentEvents(Resource):
    """The latest events, the newest first."""

    items: list[Message]
    next_cursor: None = None
