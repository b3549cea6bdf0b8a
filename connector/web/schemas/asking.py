"""How people are asked, over the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connector.domain.asking import LEAST_HOURS, MOST_HOURS, MOST_OPEN
from connector.web.schemas.base import LabelName, Resource, Wanted
from connector.web.schemas.predictions import Fault

Doing = Literal["remind", "reassign", "settle"]


class OverdueWanted(Wanted):
    """What is done about questions that nobody answers in time."""

    do: Doing = "remind"
    again_hours: float | None = Field(
        None, ge=LEAST_HOURS, le=MOST_HOURS, description="remind: again after so long; null: once."
    )
    email: bool = Field(False, description="remind: by e-mail, too, to all with an account.")
    channel: str | None = Field(
        None, min_length=1, max_length=81, description="reassign: the Slack channel to ask in."
    )
    min_confidence: float | None = Field(
        None,
        ge=0,
        le=1,
        description="settle: from here on the likeliest label counts; null: never.",
    )
    otherwise: LabelName | None = Field(
        None, description="settle: the label that counts else; null: the question stays open."
    )


class AskingWanted(Wanted):
    """How people are asked about a classifier's questions."""

    slack_channel: str | None = Field(
        None, min_length=1, max_length=81, description="Its name or id; null: on the pages alone."
    )
    enabled: bool = True
    most_open: int = Field(
        5, ge=1, le=MOST_OPEN, description="Messages that wait for an answer at once."
    )
    overdue_hours: float | None = Field(
        None, ge=LEAST_HOURS, le=MOST_HOURS, description="Overdue after so long; null: never."
    )
    overdue: OverdueWanted = OverdueWanted.model_validate({})


class Overdue(Resource):
    """What is done about questions that nobody answers in time."""

    do: Doing
    again_hours: float | None
    email: bool
    channel: str | None
    min_confidence: float | None
    otherwise: str | None


class Asking(Resource):
    """How people are asked."""

    own: bool = Field(description="false: it is the workspace's default.")
    slack_channel: str | None
    enabled: bool = Field(description="false where Slack has refused us for good, too: see error.")
    most_open: int
    overdue_hours: float | None
    overdue: Overdue
    error: Fault | None
