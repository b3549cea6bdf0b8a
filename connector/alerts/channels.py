"""Sending a message by its channel: one call for each, and what the other side answered."""

from __future__ import annotations

from typing import Any

from connector import fetch, mail, slack
from connector.alerts.mail_body import as_html
from connector.alerts.message import Message, as_text
from connector.alerts.params import AlertParams
from connector.alerts.slack_blocks import as_slack
from connector.answers import retry_after
from connector.errors import ColabelError, FetchFailed
from connector.settings import Settings


def check(params: AlertParams, settings: Settings) -> None:
    """Refuse a channel that could never work here. Raises ColabelError."""
    if params.url is not None:
        fetch.check_url(params.url, settings=settings)
    if params.channel == "email":
        mail.check_configured(settings)
    if params.slack_channel is not None:
        slack.check_configured(settings)


def whom(params: AlertParams) -> str:
    """Return who is told, for sentences such as "Sends … to …"."""
    if params.channel == "email":
        return f"an e-mail to {', '.join(params.to)}"
    if params.channel == "slack":
        # Not its URL: who knows that may post there.
        return f"a message to Slack ({params.slack_channel or 'incoming webhook'})"
    return f"a post to {params.url}"


def send(params: AlertParams, message: Message, settings: Settings) -> dict[str, Any]:
    """Send it once; return what is worth keeping of the answer.

    Raises ColabelError, whose `permanent` says whether trying again can help.
    """
    if params.channel == "email":
        return _mail(params, message, settings)
    if params.channel == "slack":
        return _slack(params, message, settings)
    return _post(params, message, settings)


def _post(params: AlertParams, message: Message, settings: Settings) -> dict[str, Any]:
    if params.url is None:
        return {}
    response = fetch.post_json(params.url, message.payload, settings=settings)
    if not response.ok:
        passing = response.status >= 500 or response.status in (408, 425, 429)
        raise FetchFailed(
            f"The alert's URL answered {response.status}; check it in the rule.",
            permanent=not passing,
            retry_after=retry_after(response.headers) if passing else None,
        )
    return {"url": params.url, "status_code": response.status}


def _mail(params: AlertParams, message: Message, settings: Settings) -> dict[str, Any]:
    html, images = as_html(message)
    mail.send_mail(
        settings,
        to=params.to,
        subject=message.subject,
        text=as_text(message),
        html=html,
        inline=images,
        message_id=message.id,
    )
    return {"to": list(params.to), "note": _note(message)}


def _slack(params: AlertParams, message: Message, settings: Settings) -> dict[str, Any]:
    said = as_slack(message)
    if params.slack_channel is None:
        slack.post_to_webhook(settings, params.url or "", said)
        return {"slack": "incoming webhook"}
    posted = slack.post_message(settings, params.slack_channel, said)
    note = _note(message)
    files = [
        slack.File(f"picture-{number}.jpg", shown.thumbnail, shown.message)
        for number, shown in enumerate(message.pictures, 1)
        if shown.thumbnail is not None
    ]
    if files:
        try:
            slack.upload(settings, posted, files)
        except ColabelError as error:
            # The message is there: to send it again for the picture's sake would be worse.
            note = f"The picture was not uploaded: {error.detail}"
    return {"slack_channel": posted.channel, "ts": posted.ts, "note": note}


def _note(message: Message) -> str | None:
    return next((shown.note for shown in message.pictures if shown.note), None)
