"""What was delivered to a webhook: looked up, sent again, tried."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import delivery_log, outbound
from connector.sending import send
from connector.web.api.common import PREFIX, listed
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_json, read_query
from connector.web.schemas.webhooks import (
    Delivery,
    DeliveryPage,
    DeliveryQuery,
    Replayed,
    WebhookReplay,
)
from connector.web.services import services

deliveries = Api("deliveries", __name__, tag="Webhooks")
WEBHOOK = f"{PREFIX}/webhooks/<webhook_id>"


@deliveries.operation(
    "GET",
    f"{WEBHOOK}/deliveries",
    "List deliveries",
    scope="read",
    query=DeliveryQuery,
    answers={200: Answer("A page of them, the newest first", DeliveryPage)},
)
def list_all(webhook_id: str) -> ResponseReturnValue:
    """With each attempt: when, how long, what came back."""
    query = read_query(DeliveryQuery)
    with services().database.read() as session:
        webhook = outbound.get_webhook(session, workspace_id(), webhook_id)
        page = delivery_log.list_deliveries(
            session, webhook, state=query.state, cursor=query.cursor, limit=query.limit
        )
        return listed(delivery_log.show(session, page.items), page.next_cursor)


@deliveries.operation(
    "POST",
    f"{WEBHOOK}/deliveries/<delivery_id>/replay",
    "Send a delivery again",
    scope="admin",
    answers={202: Answer("It is sent again", Delivery)},
    errors=(409,),
)
def replay_one(webhook_id: str, delivery_id: str) -> ResponseReturnValue:
    """Under its old webhook-id, so that a receiver can tell; the schedule starts anew."""
    with services().database.write() as session:
        webhook = outbound.get_webhook(session, workspace_id(), webhook_id)
        row = delivery_log.replay(session, webhook, delivery_id)
        return delivery_log.show(session, [row])[0], 202


@deliveries.operation(
    "POST",
    f"{WEBHOOK}/replay",
    "Send the deliveries of a period again",
    scope="admin",
    model=WebhookReplay,
    answers={202: Answer("They are sent again", Replayed)},
    errors=(409,),
)
def replay_period(webhook_id: str) -> ResponseReturnValue:
    """At most 1,000 at once; each keeps its webhook-id, so that a receiver can tell."""
    said = read_json(WebhookReplay)
    period = delivery_log.Period(said.start, said.end, said.state)
    with services().database.write() as session:
        webhook = outbound.get_webhook(session, workspace_id(), webhook_id)
        return {"replayed": delivery_log.replay_period(session, webhook, period)}, 202


@deliveries.operation(
    "POST",
    f"{WEBHOOK}/test",
    "Send a test",
    scope="admin",
    answers={200: Answer("What came back, good or bad", Delivery)},
)
def test(webhook_id: str) -> ResponseReturnValue:
    """A signed event of the type webhook.test, sent now and once, to a webhook that is off too."""
    here = services()
    with here.database.write() as session:
        webhook = outbound.get_webhook(session, workspace_id(), webhook_id)
        claim, parcel = delivery_log.begin_test(session, webhook)
    outcome = send(here.settings, parcel)
    with here.database.write() as session:
        row = delivery_log.end_test(session, claim, outcome)
        return delivery_log.show(session, [row])[0]
