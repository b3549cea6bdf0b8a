"""Lists of actions over the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connector.web.schemas.base import Moment, PageOf, PageQuery
from connector.web.schemas.predictions import Action


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
