"""The parameters of an alert: whom to tell, how often, and in what words."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from connector import mail
from connector.actions.base import ActionParams, Window
from connector.actions.templates import check_text
from connector.errors import ColabelError

MOST_SECONDS = 7 * 24 * 3600.0
# People are told at most this often; a program that is posted to wants each by default.
PEOPLE_SECONDS = 300.0


def _only_for(*channels: str) -> dict[str, JsonValue]:
    """Say in the schema for which channels a parameter is asked: forms show it for those alone."""
    return {"x-only-for": {"channel": list(channels)}}


class AlertParams(ActionParams):
    """Whom to tell, and what. `message` and `subject` take the same {fields} as folder names."""

    channel: Literal["webhook", "email", "slack"]
    url: str | None = Field(
        None,
        description="webhook: also post to this URL; slack: the URL of an incoming webhook",
        json_schema_extra=_only_for("webhook", "slack"),
    )
    slack_channel: str | None = Field(
        None,
        pattern=r"^#?[^\s#@<>&|,]{1,80}$",
        description="slack: a channel, by name or id, that the bot of COLABEL_SLACK_TOKEN posts to",
        json_schema_extra=_only_for("slack"),
    )
    to: list[str] = Field(
        default=[],
        max_length=20,
        description="email: the receivers",
        json_schema_extra=_only_for("email"),
    )
    subject: str = Field("{classifier}: {label}", json_schema_extra=_only_for("email", "slack"))
    message: str = "{name} was recognised as “{label}” ({confidence:.0%})."
    at_most_every: float | None = Field(
        None,
        ge=0,
        le=MOST_SECONDS,
        description="Seconds between two messages of a rule to the same receivers; 0: each alert "
        "is a message. Without it: 300 for people, 0 for a webhook.",
    )
    digest: bool = Field(
        True,
        description="Whether what comes in between is told in one message afterwards; false: it "
        "is not sent at all.",
    )

    @field_validator("to", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("to")
    @classmethod
    def _addresses(cls, value: list[str]) -> list[str]:
        try:
            return list(mail.message_recipients(value))
        except ColabelError as error:
            raise ValueError(error.detail) from error

    @field_validator("subject", "message")
    @classmethod
    def _templates(cls, value: str) -> str:
        try:
            check_text(value)
        except ColabelError as error:
            raise ValueError(error.detail) from error
        return value

    @model_validator(mode="after")
    def _fits_the_channel(self) -> AlertParams:
        if self.channel == "email" and not self.to:
            raise ValueError("an e-mail needs a receiver; give “to”")
        if self.channel == "email" and self.url:
            raise ValueError("“url” belongs to the channels webhook and slack; leave it out")
        if self.channel != "email" and self.to:
            raise ValueError("“to” belongs to the channel email; leave it out")
        if self.channel != "slack" and self.slack_channel:
            raise ValueError("“slack_channel” belongs to the channel slack; leave it out")
        if self.channel == "slack" and bool(self.url) == bool(self.slack_channel):
            raise ValueError(
                "give either “url”, the address of an incoming webhook, or “slack_channel”"
            )
        return self

    @property
    def shows_pictures(self) -> bool:
        """Whether a thumbnail goes along. An incoming webhook takes no files."""
        return self.channel == "email" or self.slack_channel is not None

    @property
    def seconds(self) -> float:
        """How long after a message the same receivers get no other one; 0: no pause."""
        if self.channel == "webhook" and self.url is None:
            return 0.0  # only the event, which subscribers want for each picture
        if self.at_most_every is not None:
            return self.at_most_every
        return 0.0 if self.channel == "webhook" else PEOPLE_SECONDS

    def window(self) -> Window:
        """Return how often these receivers are told, and a name for them."""
        whom = [self.channel, self.url, self.slack_channel, sorted(self.to)]
        target = hashlib.sha256(json.dumps(whom).encode()).hexdigest()[:32]
        return Window(target, self.seconds)
