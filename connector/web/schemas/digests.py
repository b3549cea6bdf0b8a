"""Digests over the wire: alerts that are told together."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connector.web.schemas.base import Json, PageOf, PageQuery, Resource
from connector.web.schemas.predictions import Fault

DigestStatus = Literal["open", "sending", "sent", "failed", "cancelled"]


class Digest(Resource):
    """Alerts of one rule to the same receivers, told in one message."""

    id: str
    classifier_id: str
    rule_id: str
    status: DigestStatus = Field(
        description="open: gathers until `due_at`; cancelled: its rule is gone."
    )
    channel: str | None
    count: int = Field(description="How many alerts it tells of.")
    labels: dict[str, int] = Field(description="How many of each label.")
    first_id: str | None = Field(description="When the first alert was raised.")
    last_at: str | None = Field(description="When the last one was.")
    due_at: str = Field(description="When it is sent, or is tried again.")
    detail: Json = Field(description="What the channel answered.")
    error: Fault | None
    predictions_url: str
    created_at: str
    finished_at: str | None


class DigestPage(PageOf[Digest]):
    """A page of digests, the newest first."""


class DigestQuery(PageQuery):
    """Which digests to list."""

    status: DigestStatus | None = None
