"""Webhooks: who is told what."""

from __future__ import annotations

from datetime import timedelta

from flask.typing import ResponseReturnValue

from connector.db.tables import Endpoint
from connector.db.tables import Webhook as Row
from connector.domain import outbound, resources
from connector.errors import Forbidden
from connector.web.api.common import PREFIX, listed
from connector.web.auth import principal, workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_json
from connector.web.schemas.webhooks import (
    NewWebhook,
    SecretRotation,
    Webhook,
    WebhookCreate,
    WebhookList,
    WebhookUpdate,
)
from connector.web.services import services

webhooks = Api("webhooks", __name__, tag="Webhooks")
COLLECTION = f"{PREFIX}/webhooks"
ONE = f"{COLLECTION}/<webhook_id>"


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
        return listed(resources.webhook(row, session.get(Endpoint, row.id)) for row in rows)


@webhooks.operation(
    "POST",
    COLLECTION,
    "Subscribe an address to events",
    scope="subscribe",
    model=WebhookCreate,
    answers={201: Answer("Subscribed; keep the secret, it is shown this once", NewWebhook)},
)
def create() -> ResponseReturnValue:
    """Messages are signed by the Standard Webhooks specification, and sent again until taken. With
    `filters`, only some of these events are sent.
    """
    wanted = read_json(WebhookCreate)
    here = services()
    filters = wanted.filters.kept() if wanted.filters else {}
    checked = outbound.subscription(here.settings, wanted.url, wanted.event_types, filters)
    with here.database.write() as session:
        row = outbound.create_webhook(session, workspace_id(), checked, principal().key_id)
        return resources.webhook(row, with_secret=True), 201


@webhooks.operation(
    "GET",
    ONE,
    "Show a subscription",
    scope="read",
    answers={200: Answer("The subscription", Webhook)},
)
def show(webhook_id: str) -> ResponseReturnValue:
    """Without its secret."""
    with services().database.read() as session:
        row = outbound.get_webhook(session, workspace_id(), webhook_id)
        return resources.webhook(row, session.get(Endpoint, row.id))


@webhooks.operation(
    "PATCH",
    ONE,
    "Change a subscription, switch it off or on",
    scope="admin",
    model=WebhookUpdate,
    answers={200: Answer("As it is now", Webhook)},
)
def change(webhook_id: str) -> ResponseReturnValue:
    """Switched off, what waits is cancelled; events of that time are not sent later."""
    said, here = read_json(WebhookUpdate), services()
    with here.database.read() as session:
        row = outbound.get_webhook(session, workspace_id(), webhook_id)
        url, types = said.url or row.url, said.event_types or row.event_types
        filters = row.filters if said.filters is None else said.filters.kept()
    checked = outbound.subscription(here.settings, url, types, filters)
    with here.database.write() as session:
        row = outbound.get_webhook(session, workspace_id(), webhook_id)
        outbound.change_webhook(session, row, checked, said.enabled)
        return resources.webhook(row, session.get(Endpoint, row.id))


@webhooks.operation(
    "POST",
    f"{ONE}/rotate-secret",
    "Replace the signing secret",
    scope="admin",
    model=SecretRotation,
    answers={200: Answer("Keep the new secret, it is shown this once", NewWebhook)},
)
def rotate(webhook_id: str) -> ResponseReturnValue:
    """The old one signs too for `grace_hours`: two signatures stand in the header."""
    grace = timedelta(hours=read_json(SecretRotation).grace_hours)
    with services().database.write() as session:
        row = outbound.get_webhook(session, workspace_id(), webhook_id)
        outbound.rotate_secret(session, row, grace)
        return resources.webhook(row, session.get(Endpoint, row.id), with_secret=True)


@webhooks.operation(
    "DELETE",
    ONE,
    "End a subscription",
    scope="subscribe",
    answers={204: Answer("Ended; what waited for it is not sent")},
)
def delete(webhook_id: str) -> ResponseReturnValue:
    """At once. A key with the scope `subscribe` alone can end those that were made with it."""
    with services().database.write() as session:
        _check_own(outbound.get_webhook(session, workspace_id(), webhook_id))
        outbound.delete_webhook(session, workspace_id(), webhook_id)
    return "", 204


def _check_own(row: Row) -> None:
    if "admin" not in principal().scopes and row.key_id != principal().key_id:
        raise Forbidden(
            "This subscription was made with another key, which can end it; so can one with the "
            "scope admin.",
            code="another_key",
        )
