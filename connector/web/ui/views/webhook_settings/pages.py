"""The blueprint of the webhooks' settings, and what its modules share."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from connector.db.tables import Webhook
from connector.domain import choices, outbound, webhook_health
from connector.domain.event_filters import EVENT_TYPES
from connector.web.services import services
from connector.web.ui import assets, visitors, webhook_forms
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import page

webhook_settings = Pages("webhook_settings", __name__)
RULE = "/settings/webhooks"
ONE = f"{RULE}/<webhook_id>"
# What checks a signature, in two languages: docs/webhooks.md shows the same.
RECEIVERS = {"python": "receive_webhook.py.txt", "node": "receive_webhook.js.txt"}


def own_webhook(session: Session, webhook_id: str) -> Webhook:
    """Return the subscription if it is of the visitor's workspace. Raises NotFound."""
    return outbound.get_webhook(session, visitors.workspace_id(), webhook_id)


def form_page(form: Form, lists: dict[str, list[str]], webhook: Webhook | None = None) -> Response:
    """Return the page that makes a subscription, or changes the one given."""
    with services().database.read() as session:
        listed = choices.classifiers(session, visitors.workspace_id())
        labels = choices.labels(session, visitors.workspace_id())
    return page(
        "webhooks/form.html",
        status=form.status,
        form=form,
        chosen=lists,
        webhook=webhook,
        event_types=EVENT_TYPES,
        listed=listed,
        labels=labels,
    )


def secret_page(webhook_id: str, secret: str, key: str) -> Response:
    """Return the page that shows a secret, this once; `key` is of the words above it."""
    with services().database.read() as session:
        [health] = webhook_health.of_rows(session, [own_webhook(session, webhook_id)])
    return page(
        "webhooks/secret.html", health=health, secret=secret, said=key, receivers=receivers()
    )


def receivers() -> dict[str, str]:
    """Return language -> the code that checks a signature."""
    return {name: (assets.FOLDER / file).read_text("utf-8") for name, file in RECEIVERS.items()}


def shared(session: Session) -> dict[str, Any]:
    """Return what a template needs to say which events a subscription asks for."""
    names = dict(choices.classifiers(session, visitors.workspace_id()))
    return {"asked_of": lambda row: webhook_forms.in_words(row.filters, names)}
