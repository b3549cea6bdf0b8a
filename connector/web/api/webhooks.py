"""Webhooks: who is told what."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import outbound, resources
from connector.web.api.common import PREFIX, listed
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_json
from connector.web.schemas.rules import NewWebhook, Webhook, WebhookCreate, WebhookList
from connector.web.services import services

webhooks = Api("webhooks", __name__, tag="Webhooks")
COLLECTION = f"{PREFIX}/webhooks"


@webhooks.operation(
    "GET",
    COLLECTION,
    "List subscriptions",
    scope="read",
    answers={200: Answer("All of them, the oldest first", WebhookList)},
)
def list_all() -> ResponseReturnValue:
    """Without their secrets."""
    with services().database.read() as session:
        rows = outbound.list_webhooks(session, workspace_id())
        return listed(resources.webhook(row) for row in rows)


@webhooks.operation(
    "POST",
    COLLECTION,
    "Subscribe an address to events",
    scope="admin",
    model=WebhookCreate,
    answers={201: Answer("Subscribed; keep the secret, it is shown this once", NewWebhook)},
)
def create() -> ResponseReturnValue:
    """Messages are signed by the Standard Webhooks specification, and sent again until taken."""
    wanted = read_json(WebhookCreate)
    here = services()
    checked = outbound.subscription(here.settings, wanted.url, wanted.event_types)
    with here.database.write() as session:
        row = outbound.create_webhook(session, workspace_id(), checked)
        return resources.webhook(row, with_secret=True), 201


@webhooks.operation(
    "GET",
    f"{COLLECTION}/<webhook_id>",
    "Show a subscription",
    scope="read",
    answers={200: Answer("The subscription", Webhook)},
)
def show(webhook_id: str) -> ResponseReturnValue:
    """Without its secret."""
    with services().database.read() as session:
        return resources.webhook(outbound.get_webhook(session, workspace_id(), webhook_id))


@webhooks.operation(
    "DELETE",
    f"{COLLECTION}/<webhook_id>",
    "End a subscription",
    scope="admin",
    answers={204: Answer("Ended; what waited for it is not sent")},
)
def delete(webhook_id: str) -> ResponseReturnValue:
    """At once."""
    with services().database.write() as session:
        outbound.delete_webhook(session, workspace_id(), webhook_id)
    return "", 204
