"""Lists of actions over the wire, and the times that they are asked for by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from connector.web.schemas.base import PageOf, PageQuery
from connector.web.schemas.predictions import Action

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9000, 1, 1, tzinfo=UTC)


def _sane(value: datetime) -> datetime:
    """Times at the calendar's ends cannot be told in UTC."""
    if not FIRST <= value <= LAST:
        raise ValueError("give a time from 1970 to 9000")
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_sane)]


class ActionQuery(PageQuery):
    """Which actions to list."""

    classifier_id: str | None = None
    rule_id: str | None = None
    prediction_id: str | None = None
    kind: str | None = Field(None, max_length=50)
    status: Literal["planned", "done", "failed", "undone"] | None = None
    since: Moment | None = Field(None, description="Carried out (else planned) then or later.")
    until: Moment | None = Field(None, description="Carried out (else planned) before then.")


class ActionPage(PageOf[Action]):
    """One page of actions."""
