"""The audit log over the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from connector.web.schemas.base import Json, PageOf, PageQuery, Resource

Filter = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AuditQuery(PageQuery):
    """Which entries."""

    what: Filter | None = Field(None, description="rule.created, or rule for all about rules.")
    by: Filter | None = Field(None, description="A key's id, a kind of actor, or a name.")
    resource_id: Filter | None = Field(None, description="What was changed.")
    classifier_id: Filter | None = Field(None, description="Changes about one classifier.")
    since: AwareDatetime | None = Field(None, description="From this time on.")
    until: AwareDatetime | None = Field(None, description="Before this time.")


class Actor(Resource):
    """Who did it, by the name of that time."""

    kind: Literal["key", "person", "slack", "cli", "system"]
    id: str | None = Field(description="The key's id; null for others.")
    name: str


class AuditEntry(Resource):
    """One change: who made it, when, from where, and what was before and after."""

    id: str
    created_at: str
    what: str
    resource_id: str
    classifier_id: str | None
    actor: Actor
    address: str | None
    before: Json | None
    after: Json | None


class AuditPage(PageOf[AuditEntry]):
    """A page of entries, the newest first."""
