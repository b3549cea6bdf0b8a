"""Tell somebody: an event for webhook subscribers, a post to one URL, or an e-mail."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from connector import decoding, fetch, mail
from connector.actions.base import Action, ActionParams, Context, Location, Outcome
from connector.actions.places import read_picture
from connector.actions.templates import check_text, fill_text
from connector.answers import retry_after
from connector.errors import ColabelError, FetchFailed
from connector.settings import Settings

THUMBNAIL_PIXELS = 320


class AlertParams(ActionParams):
    """Whom to tell, and what. `message` and `subject` take the same {fields} as folder names."""

    channel: Literal["webhook", "email"]
    url: str | None = Field(None, description="webhook: also post to this URL")
    to: list[str] = Field(default=[], max_length=20, description="email: the receivers")
    subject: str = "{classifier}: {label}"
    message: str = "{name} was recognised as “{label}” ({confidence:.0%})."

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
            raise ValueError("“url” belongs to the channel webhook; leave it out")
        if self.channel == "webhook" and self.to:
            raise ValueError("“to” belongs to the channel email; leave it out")
        return self


class Alert(Action[AlertParams]):
    """The event alert.raised is queued with the result, so exactly once; it is signed as all are.

    The post to `url` (not signed) and the e-mail leave at once, and can repeat if the worker dies
    between sending and noting that it has sent; both carry the action's id to tell by.
    """

    kind: ClassVar[str] = "alert"
    undoable: ClassVar[bool] = False
    Params = AlertParams

    def check(self, params: AlertParams, settings: Settings) -> None:
        """Refuse a URL that may not be called, and e-mail without a server. Raises ColabelError."""
        if params.url is not None:
            fetch.check_url(params.url, settings=settings)
        if params.channel == "email":
            mail.check_configured(settings)

    def describe(self, params: AlertParams) -> str:
        """Return one sentence for the preview."""
        if params.channel == "email":
            return f"Sends an e-mail to {', '.join(params.to)}."
        if params.url is not None:
            return f"Raises an alert for all webhook subscribers and posts it to {params.url}."
        return "Raises an alert for all webhook subscribers (event alert.raised)."

    def execute(self, params: AlertParams, location: Location, ctx: Context) -> Outcome:
        """Send, unless an earlier attempt has noted that it has sent; then queue the event."""
        message = fill_text(params.message, ctx.prediction)
        payload = {
            "action_id": ctx.action_id,
            "channel": params.channel,
            "message": message,
            "prediction": ctx.public_prediction(),
        }
        journal = ctx.steps("do")
        sent = journal.get("sent")
        if sent is None:
            if params.channel == "email":
                sent = _send_mail(params, message, location, ctx)
            else:
                sent = _post(params, payload, ctx)
            journal.note(sent=sent)
        ctx.emit("alert.raised", payload)
        return Outcome(None, {"channel": params.channel, "message": message, **sent})


def _post(params: AlertParams, payload: dict[str, Any], ctx: Context) -> dict[str, Any]:
    if params.url is None:
        return {}
    response = fetch.post_json(params.url, payload, settings=ctx.settings)
    if not 200 <= response.status < 300:
        passing = response.status >= 500 or response.status in (408, 425, 429)
        raise FetchFailed(
            f"The alert's URL answered {response.status}; check it in the rule.",
            permanent=not passing,
            retry_after=retry_after(response.headers) if passing else None,
        )
    return {"url": params.url, "status_code": response.status}


def _send_mail(
    params: AlertParams, message: str, location: Location, ctx: Context
) -> dict[str, Any]:
    thumbnail, note = _thumbnail(location, ctx)
    attachments = [mail.Attachment("picture.jpg", "image/jpeg", thumbnail)] if thumbnail else []
    mail.send_mail(
        ctx.settings,
        to=params.to,
        subject=fill_text(params.subject, ctx.prediction),
        text=f"{message}\n",
        message_id=ctx.action_id,
        attachments=attachments,
    )
    return {"to": list(params.to), "note": note}


def _thumbnail(location: Location, ctx: Context) -> tuple[bytes | None, str | None]:
    """Return a small JPEG of the picture, upright; without one the message goes all the same."""
    try:
        return decoding.thumbnail(read_picture(location, ctx), ctx.settings, THUMBNAIL_PIXELS), None
    except decoding.Undecodable as error:
        return None, error.detail
    except (OSError, ColabelError):
        return None, "No thumbnail could be made of the picture."


ACTION = Alert()
