"""The subscriptions of the workspace, and making another."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import outbound, webhook_health
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import visitors, webhook_forms
from connector.web.ui.forms import Form
from connector.web.ui.rendering import page
from connector.web.ui.views.webhook_settings.pages import (
    RULE,
    form_page,
    receivers,
    secret_page,
    shared,
    webhook_settings,
)

# What somebody most likely wants to be told of.
USUAL = "prediction.completed"


@webhook_settings.page(RULE, title="webhooks.title", role="owner")
def show() -> ResponseReturnValue:
    """All of them, with how each fares."""
    with services().database.read() as session:
        listed = webhook_health.list_health(session, visitors.workspace_id())
        context = shared(session)
    return page("webhooks/show.html", listed=listed, receivers=receivers(), **context)


@webhook_settings.page(f"{RULE}/new", title="webhooks.new", role="owner")
def new() -> ResponseReturnValue:
    """Where to, and what of."""
    return form_page(Form.empty(), {"event_type": [USUAL], "classifier": []})


@webhook_settings.action(f"{RULE}/new", role="owner")
def make() -> ResponseReturnValue:
    """Subscribe an address, and show the secret, this once."""
    form, here = Form.sent(), services()
    try:
        wanted = webhook_forms.read(form)
        checked = outbound.subscription(
            here.settings, wanted.url, wanted.event_types, wanted.filters
        )
        with here.database.write() as session:
            row = outbound.create_webhook(session, visitors.workspace_id(), checked)
            made, secret = row.id, row.secret
    except ColabelError as error:
        form.refuse(error, webhook_forms.WHERE)
        return form_page(form, webhook_forms.chosen())
    return secret_page(made, secret, "webhooks.made")
