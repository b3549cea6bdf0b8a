"""Messages: what is set up for e-mail and Slack, how that is done, and whether it arrives."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from flask import request
from flask.typing import ResponseReturnValue

from connector import slack
from connector.alerts import greeting
from connector.errors import ColabelError
from connector.settings import Settings
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, page, part
from connector.web.ui.words import t

messages = Pages("messages", __name__)
TAB = "/settings/messages"
MOST_CHANNEL = 100


@messages.page(TAB, title="messages.title", role="owner")
def show() -> ResponseReturnValue:
    """Both, with whose token Slack says it is where `check` asks for it."""
    return _page(said=_slack() if request.args.get("check") else None)


@messages.part(f"{TAB}/slack", role="owner")
def slack_state() -> ResponseReturnValue:
    """Whose token it is, asked of Slack now: the page shows it once it is known."""
    return part("messages/slack_state.html", said=_slack())


@messages.action(f"{TAB}/email", role="owner")
def try_email() -> ResponseReturnValue:
    """Send a test to an address."""
    form, here = Form.sent(), services()
    try:
        greeting.by_mail(here.settings, form["address"], visitors.person().name)
    except ColabelError as error:
        _refuse(form, error, "address")
        return _page(email=form)
    flashes.flash("messages.email_sent", address=form["address"].strip())
    return go("messages.show")


@messages.action(f"{TAB}/slack", role="owner")
def try_slack() -> ResponseReturnValue:
    """Post a test to a channel."""
    form, here = Form.sent(), services()
    channel = form["channel"].strip()[:MOST_CHANNEL]
    try:
        greeting.by_slack(here.settings, channel, visitors.person().name)
    except ColabelError as error:
        _refuse(form, error, "channel")
        return _page(slack_form=form)
    flashes.flash("messages.slack_sent", channel=channel)
    return go("messages.show")


def _refuse(form: Form, error: ColabelError, field: str) -> None:
    """Show what the other side said at the field: it is no fault of ours, whatever its status."""
    form.wrong(field, error.detail)


def _slack() -> dict[str, Any]:
    """What Slack says of the token: whose it is, or why it does not take it."""
    try:
        return {"bot": slack.who(services().settings), "error": ""}
    except ColabelError as error:
        return {"bot": None, "error": error.detail}


def _server(settings: Settings) -> dict[str, str]:
    """The mail server without what is secret: host, port, how it is reached, and as whom."""
    parts = urlsplit(settings.smtp_url)
    secure = parts.scheme == "smtps"
    return {
        "host": parts.hostname or "localhost",
        "port": str(parts.port or (465 if secure else 587)),
        "how": t("messages.how_smtps" if secure else "messages.how_smtp"),
        "user": unquote(parts.username or ""),
    }


def _page(
    *,
    email: Form | None = None,
    slack_form: Form | None = None,
    said: dict[str, Any] | None = None,
) -> ResponseReturnValue:
    settings = services().settings
    forms = [form for form in (email, slack_form) if form is not None]
    return page(
        "messages/show.html",
        status=next((form.status for form in forms), 200),
        server=_server(settings) if settings.smtp_url else None,
        mail_from=settings.mail_from,
        has_token=bool(settings.slack_token),
        said=said,
        email=email or Form.empty(address=visitors.person().email),
        slack_form=slack_form or Form.empty(),
    )
