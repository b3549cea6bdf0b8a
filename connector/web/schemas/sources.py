"""Sources over the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from connector.inbound.generic import parse_path
from connector.web.schemas.base import Name, PageOf, Resource, Wanted


class SourceSettings(Wanted):
    """What a source may be told: a hook `image_field`, a folder and a store where they are."""

    image_field: str | None = Field(
        None,
        max_length=500,
        description="Where in JSON or a form the picture is: order.photo, items[].url.",
    )

    path: str | None = Field(
        None, max_length=1000, description="Of a folder: where it is, from / (kind folder)."
    )
    recursive: bool | None = Field(
        None, description="Of a folder: whether folders in it are watched too (default: true)."
    )
    suffixes: list[str] | None = Field(
        None,
        max_length=50,
        description="How names or keys end: .jpg (default: of a folder as those of pictures do, "
        "of a bucket all).",
    )
    buckets: list[str] | None = Field(None, description="Objects of these are taken.")
    prefix: str | None = Field(None, description="Only keys that begin so.")
    topics: list[str] | None = Field(None, description="ARNs of the SNS topics it listens to.")
    key: str | None = Field(
        None,
        description="What EventBridge or MinIO show in Authorization or X-Api-Key; null takes it "
        "away. It is never shown again.",
    )
    endpoint_url: str | None = Field(None, description="Of a store that is not Amazon's.")
    region: str | None = Field(None, description="Where the buckets are, if AWS says otherwise.")
    queue_url: str | None = Field(None, description="The SQS queue that it receives from.")

    @field_validator("image_field")
    @classmethod
    def _is_path(cls, value: str | None) -> str | None:
        if value is not None:
            parse_path(value)
        return value


class SourceCreate(Wanted):
    """A hook to make, a folder to watch, or a store that reports objects."""

    name: Name
    kind: Literal["hook", "folder", "s3"] = "hook"
    settings: SourceSettings = Field(default_factory=lambda: SourceSettings.model_validate({}))
    take_existing: bool = Field(
        False, description="Of a folder: take the pictures that lie there already, too."
    )


class SourceUpdate(Wanted):
    """What to change; what is absent stays. Settings are given whole."""

    name: Name | None = None
    state: Literal["active", "paused"] | None = None
    settings: SourceSettings | None = None


class TokenRotation(Wanted):
    """How long the token before goes on working."""

    grace_hours: float = Field(24, ge=0, le=720)


class TestQuery(Wanted):
    """A setting to try before it is kept."""

    # Its name begins like a test's, but it is none.
    __test__ = False

    image_field: str | None = Field(None, max_length=500, description="Instead of the source's.")


class ShownSettings(Resource):
    """The settings as they are kept."""

    image_field: str | None = None
    path: str | None = None
    recursive: bool | None = None
    suffixes: list[str] | None = None
    buckets: list[str] | None = None
    prefix: str | None = None
    topics: list[str] | None = None
    has_key: bool = Field(False, description="Whether senders have to show a key.")
    endpoint_url: str | None = None
    region: str | None = None
    queue_url: str | None = None


class Watching(Resource):
    """How the watching of a folder goes."""

    state: Literal["starting", "watching", "waiting", "away"] = Field(
        description="waiting: it takes nothing for now and loses nothing; away: it is not there."
    )
    code: str | None = Field(description="Why it is waiting or away.")
    detail: str | None
    files: int = Field(description="Files with wanted names that lie there.")
    unfinished: int = Field(description="Those that are not taken yet: they may still grow.")
    looked_at: str | None = Field(description="Noted about every 30 seconds.")


class Source(Resource):
    """A way in for pictures."""

    id: str
    classifier_id: str
    kind: str
    name: str
    state: Literal["active", "paused"]
    settings: ShownSettings
    hook_url: str | None = Field(
        description="Who knows this address may hand pictures in. Null for a watched folder."
    )
    previous_url_until: str | None = Field(
        description="Until then the address before the last rotation works too."
    )
    accepted: int = Field(description="Pictures that became predictions.")
    refused: int = Field(description="Calls, or files of a folder, that were refused.")
    ignored: int = Field(description="Reports that held nothing to take.")
    watching: Watching | None = Field(description="Of a watched folder.")
    last_event_at: str | None
    url: str
    created_at: str


class SourceEvent(Resource):
    """What became of a picture, or why a call was refused."""

    outcome: Literal["accepted", "refused", "notice", "ignored"]
    pictures: int = Field(description="0 where a refused call was not read so far.")
    code: str | None
    detail: str | None
    prediction_id: str | None
    created_at: str


class SourceWithEvents(Source):
    """A source and its last events, newest first: 20, and 20 reports that were ignored."""

    events: list[SourceEvent]


class SourcePage(PageOf[Source]):
    """One page of sources."""


class FoundPicture(Resource):
    """A picture that a call would hand in."""

    where: str = Field(description="Field or path; empty for the body itself.")
    form: Literal["bytes", "url"]
    name: str
    media_type: str | None = Field(description="Null for a URL (not fetched) or a bad picture.")
    code: str | None = Field(description="Why it would be refused, if that is known.")
    detail: str | None


class SourceTest(Resource):
    """What a call with this body would hand in; nothing was kept."""

    pictures: list[FoundPicture]
    would_be_accepted: bool = Field(description="As far as is known without fetching URLs.")
