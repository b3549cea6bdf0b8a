"""Events on their way to a real server: signed, retried on the schedule, stopped when told."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from loopback import Loopback, answer
from sqlalchemy import select, update

from connector.db.tables import Delivery, Endpoint, Webhook
from connector.db.types import utcnow
from connector.domain import outbound
from connector.errors import ForbiddenAddress, NotFound, Unprocessable
from connector.signing import RETRY_SCHEDULE, verify
from workers import deliver
from workers.runtime import Runtime


@pytest.fixture
def rt(rt: Runtime) -> Runtime:
    rt.settings = rt.settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})
    return rt


def subscribe(rt: Runtime, person: Any, url: str, *types: str) -> Webhook:
    wanted = outbound.subscription(rt.settings, url, types or ("model.promoted",))
    with rt.database.write() as session:
        return outbound.create_webhook(session, person.workspace_id, wanted)


def emit(rt: Runtime, person: Any, event_type: str = "model.promoted") -> None:
    with rt.database.write() as session:
        outbound.emit(session, person.workspace_id, event_type, {"id": "x", "name": "Zoë"})


def deliveries(rt: Runtime) -> list[Delivery]:
    with rt.database.read() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def drain(rt: Runtime) -> None:
    while deliver.step(rt):
        pass


def make_due(rt: Runtime) -> None:
    with rt.database.write() as session:
        session.execute(update(Delivery).values(due_at=utcnow() - timedelta(seconds=1)))
        session.execute(update(Endpoint).values(open_until=None))


def parts(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def test_an_event_arrives_signed(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer())) as server:
        webhook = subscribe(rt, alice, server.url)
        emit(rt, alice)
        drain(rt)
    [request] = server.requests
    headers, body = parts(request)
    verify(webhook.secret, headers, body)
    content = json.loads(body)
    assert content["type"] == "model.promoted"
    assert content["data"] == {"id": "x", "name": "Zoë"}
    assert content["timestamp"].endswith("+00:00")
    [delivery] = deliveries(rt)
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("delivered", 1, 200)
    assert headers["webhook-id"] == delivery.event_id


def test_only_the_types_asked_for_and_only_the_own_workspace(
    rt: Runtime, alice: Any, charlie: Any
) -> None:
    with closing(Loopback(answer())) as server:
        subscribe(rt, alice, server.url, "alert.raised")
        subscribe(rt, charlie, server.url, "model.promoted")
        emit(rt, alice, "model.promoted")
        drain(rt)
        assert server.requests == []
        emit(rt, alice, "alert.raised")
        drain(rt)
    assert len(server.requests) == 1


def test_a_refusal_is_retried_on_the_schedule_until_it_is_given_up(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer(status="500 Oops"))) as server:
        subscribe(rt, alice, server.url)
        emit(rt, alice)
        for attempt, wait in enumerate(RETRY_SCHEDULE[1:], 1):
            before = utcnow()
            drain(rt)
            [delivery] = deliveries(rt)
            assert (delivery.status, delivery.attempts) == ("pending", attempt)
            assert delivery.response_status == 500
            assert delivery.due_at >= before + wait
            drain(rt)
            assert deliveries(rt)[0].attempts == attempt
            make_due(rt)
        drain(rt)
    [delivery] = deliveries(rt)
    assert (delivery.status, delivery.attempts) == ("failed", len(RETRY_SCHEDULE))
    assert "500" in (delivery.error or "")


def test_a_server_that_comes_back_gets_it(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer(status="503 Busy"))) as server:
        subscribe(rt, alice, server.url)
        emit(rt, alice)
        drain(rt)
        server.talk = answer(status="204 No Content")
        make_due(rt)
        drain(rt)
    assert [one.status for one in deliveries(rt)] == ["delivered"]


def test_gone_means_send_no_more(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer(status="410 Gone"))) as server:
        webhook = subscribe(rt, alice, server.url)
        emit(rt, alice)
        drain(rt)
        emit(rt, alice)
        drain(rt)
    assert len(server.requests) == 1
    assert [one.status for one in deliveries(rt)] == ["cancelled"]
    with rt.database.read() as session:
        assert "410" in (session.get_one(Webhook, webhook.id).disabled_reason or "")
        assert outbound.list_webhooks(session, alice.workspace_id) == []


def test_deleting_a_subscription_stops_it_at_once(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer())) as server:
        webhook = subscribe(rt, alice, server.url)
        emit(rt, alice)
        with rt.database.write() as session:
            outbound.delete_webhook(session, alice.workspace_id, webhook.id)
        drain(rt)
        assert server.requests == []
    assert [one.status for one in deliveries(rt)] == ["cancelled"]


def test_addresses_inside_and_unknown_types_are_refused(rt: Runtime) -> None:
    inside = rt.settings.model_copy(update={"allow_private_addresses": []})
    with pytest.raises(ForbiddenAddress):
        outbound.subscription(inside, "http://127.0.0.1/", ["alert.raised"])
    with pytest.raises(Unprocessable, match="Event types are"):
        outbound.subscription(rt.settings, "http://127.0.0.1/", ["alert.razed"])


def test_charlie_cannot_see_or_delete_a_subscription(rt: Runtime, alice: Any, charlie: Any) -> None:
    webhook = subscribe(rt, alice, "http://127.0.0.1:9/")
    with rt.database.write() as session:
        assert outbound.list_webhooks(session, charlie.workspace_id) == []
        with pytest.raises(NotFound):
            outbound.delete_webhook(session, charlie.workspace_id, webhook.id)
