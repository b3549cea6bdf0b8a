"""Bases of the wire models, and the text fields they share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

T = TypeVar("T")

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
LabelName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8192)]
FileName = Annotated[str, StringConstraints(max_length=1000)]
Json = dict[str, Any]

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9000, 1, 1, tzinfo=UTC)


def _sane(value: datetime) -> datetime:
    """Times at the calendar's ends cannot be told in UTC."""
    if not FIRST <= value <= LAST:
        raise ValueError("give a time from 1970 to 9000")
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_sane)]


class Wanted(BaseModel):
    """A request: unknown fields are refused, because a misspelt one would be lost silently."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Resource(BaseModel):
    """A thing as the API shows it."""

    model_config = ConfigDict(extra="forbid")


class PageOf(Resource, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = Field(
        description="Pass it as cursor for the next page; null at the end."
    )


class PageQuery(Wanted):
    """The query parameters of every list."""

    cursor: str | None = Field(None, description="The next_cursor of the page before.")
    limit: int = Field(50, ge=1, le=100, description="Items per page.")


class PictureBody(Wanted):
    """A picture by URL or in base64."""

    image_url: Url | None = Field(None, description="Fetched before the request is answered.")
    image_base64: str | None = Field(None, description="Base64, or a data: URI.")
    name: FileName | None = Field(None, description="The picture's file name.")
