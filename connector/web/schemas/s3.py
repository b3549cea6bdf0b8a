"""What is answered to stores that report objects."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connector.db.types import Json
from connector.web.schemas.base import PageOf, Resource, Wanted
from connector.web.schemas.predictions import Fault


class Reported(Resource):
    """What became of the objects of a notification."""

    accepted: list[str] = Field(description="Predictions that were made.")
    known: list[str] = Field(description="Predictions that an earlier report had made.")
    ignored: int = Field(description="Reports of nothing to take; the source's events say why.")


class Road(Resource):
    """What one way of reporting needs: files by name, and the commands that read them."""

    files: dict[str, Json]
    commands: list[str]


class SetUp(Resource):
    """What to paste where, so that a store reports to the source."""

    hook_url: str
    iam_policy: Json = Field(description="For the user or role whose credentials colabel has.")
    sns: Road | None = Field(description="Null where the source names no topics.")
    sqs: Road | None = Field(description="Null where the source names no queue.")
    eventbridge: Road
    minio: Road
    warnings: list[str]


class BackfillCreate(Wanted):
    """Which objects to take that are there already."""

    bucket: str | None = Field(None, description="May be left out when the source has one.")
    prefix: str | None = Field(None, description="Only keys that begin so; else the source's.")


class Backfill(Resource):
    """A walk through a bucket, by key."""

    id: str
    source_id: str
    bucket: str
    prefix: str
    status: Literal["queued", "running", "done", "failed", "stopped"]
    after_key: str | None = Field(description="Everything up to this key was seen to.")
    seen: int = Field(description="Objects looked at.")
    accepted: int = Field(description="Objects that became predictions.")
    known: int = Field(description="Objects that had come before, by an event or otherwise.")
    ignored: int = Field(description="Objects that are none for this source.")
    waiting: Fault | None = Field(description="Why it does not go on at present.")
    error: Fault | None
    url: str
    created_at: str
    finished_at: str | None


class BackfillPage(PageOf[Backfill]):
    """One page of back-fills."""
