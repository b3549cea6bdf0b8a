"""Receivers that hang, drip, fail or redirect delay nobody but themselves."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import pytest
from loopback import Exchange, Loopback, Talk, answer, redirect
from sqlalchemy import select, update

from connector import sending
from connector.db.tables import Delivery, DeliveryAttempt, Endpoint, Webhook
from connector.db.types import utcnow
from connector.domain import deliveries, endpoints, outbound
from connector.sending import MAX_BODY_BYTES, body_of, send
from connector.signing import verify
from workers import deliver
from workers.runtime import Runtime


@pytest.fixture
def rt(rt: Runtime) -> Runtime:
    rt.settings = rt.settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})
    return rt


def subscribe(rt: Runtime, person: Any, url: str, event_type: str = "model.promoted") -> Webhook:
    wanted = outbound.subscription(rt.settings, url, [event_type])
    with rt.database.write() as session:
        return outbound.create_webhook(session, person.workspace_id, wanted)


def emit(rt: Runtime, person: Any, count: int = 1, **payload: Any) -> None:
    with rt.database.write() as session:
        for _ in range(count):
            outbound.emit(session, person.workspace_id, "model.promoted", {"id": "x", **payload})


def rows(rt: Runtime, webhook: Webhook) -> list[Delivery]:
    with rt.database.read() as session:
        statement = select(Delivery).where(Delivery.webhook_id == webhook.id)
        return list(session.scalars(statement.order_by(Delivery.id)))


def headers_of(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def come_due(rt: Runtime) -> None:
    with rt.database.write() as session:
        session.execute(update(Delivery).values(due_at=utcnow() - timedelta(seconds=1)))
        session.execute(update(Endpoint).values(open_until=None))


def test_a_healthy_subscriber_is_served_while_others_hang(rt: Runtime, alice: Any) -> None:
    served, hanging = threading.Event(), threading.Semaphore(0)
    count = 20
    seen: list[bytes] = []

    def hang(exchange: Exchange) -> None:
        hanging.release()
        served.wait(60)

    def drip(exchange: Exchange) -> None:
        hanging.release()
        exchange.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not served.wait(0.02):
            exchange.send(b"x")

    def take(exchange: Exchange) -> None:
        answer()(exchange)
        seen.append(exchange.request)
        if len(seen) == count:
            served.set()

    talks: list[Talk] = [hang, drip, answer(status="500 Oops"), redirect("http://127.0.0.1:9/")]
    with ExitStack() as stack:
        others = [stack.enter_context(closing(Loopback(talk))) for talk in talks]
        for other in others:
            subscribe(rt, alice, other.url)
        healthy = stack.enter_context(closing(Loopback(take)))
        webhook = subscribe(rt, alice, healthy.url)
        emit(rt, alice, count)
        worker = threading.Thread(target=deliver.step, args=(rt,))
        worker.start()
        for _ in range(2 * endpoints.PER_ENDPOINT):
            assert hanging.acquire(timeout=30)
        # All have arrived before one of those that hang was let go or ran into its deadline.
        assert served.wait(sending.DEADLINE_SECONDS - 1)
        assert others[0].connections == endpoints.PER_ENDPOINT
        rt.stopping.set()
        worker.join(60)
        assert not worker.is_alive()
    assert {one.status for one in rows(rt, webhook)} == {"delivered"}


def test_the_breaker_opens_and_lets_one_probe_through(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer(status="500 Oops"))) as server:
        webhook = subscribe(rt, alice, server.url)
        emit(rt, alice, 12)
        while deliver.step(rt):
            pass
        # Of the first two at once, both count; then one by one until it opens.
        assert len(server.requests) in (endpoints.BREAKS_AFTER, endpoints.BREAKS_AFTER + 1)
        with rt.database.read() as session:
            health = session.get_one(Endpoint, webhook.id)
            assert health.open_until is not None
            assert health.open_until > utcnow()
        come_due(rt)
        before = len(server.requests)
        deliver.step(rt)
        assert len(server.requests) == before + 1
        server.talk = answer()
        come_due(rt)
        while deliver.step(rt):
            pass
    assert {one.status for one in rows(rt, webhook)} == {"delivered"}
    with rt.database.read() as session:
        assert session.get(Endpoint, webhook.id) is None


def test_retry_after_is_honoured(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer(b"", "Retry-After: 900", status="503 Busy"))) as server:
        webhook = subscribe(rt, alice, server.url)
        emit(rt, alice, 1)
        before = utcnow()
        deliver.step(rt)
    [row] = rows(rt, webhook)
    assert row.due_at >= before + timedelta(seconds=900)
    with rt.database.read() as session:
        paused = session.get_one(Endpoint, webhook.id).open_until
        assert paused is not None
        assert paused >= before + timedelta(seconds=900)


def test_five_days_of_failures_disable_a_subscription(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer(status="500 Oops"))) as server:
        webhook = subscribe(rt, alice, server.url)
        emit(rt, alice)
        deliver.step(rt)
        with rt.database.write() as session:
            long_ago = utcnow() - timedelta(days=5, seconds=1)
            session.execute(update(Endpoint).values(failing_since=long_ago))
        come_due(rt)
        deliver.step(rt)
        with rt.database.read() as session:
            reason = session.get_one(Webhook, webhook.id).disabled_reason
        assert reason is not None
        assert "5 days" in reason
        assert "500" in reason
        emit(rt, alice)
        assert [one.status for one in rows(rt, webhook)] == ["cancelled"]


def test_killed_between_post_and_record_repeats_with_the_same_id(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer())) as server:
        webhook = subscribe(rt, alice, server.url)
        emit(rt, alice)
        with rt.database.write() as session:
            _, [parcel] = deliveries.claim_due(session, limit=1, seconds=60)
        assert send(rt.settings, parcel).status == 200
        # Here the worker dies: nothing is recorded, and the lease runs out.
        with rt.database.write() as session:
            session.execute(update(Delivery).values(lease_until=utcnow() - timedelta(seconds=1)))
        deliver.step(rt)
        ids = [headers_of(request)[0]["webhook-id"] for request in server.requests]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert [one.status for one in rows(rt, webhook)] == ["delivered"]


def test_two_secrets_sign_while_one_is_replaced(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer())) as server:
        webhook = subscribe(rt, alice, server.url)
        old = webhook.secret
        with rt.database.write() as session:
            row = session.get_one(Webhook, webhook.id)
            new = outbound.rotate_secret(session, row, timedelta(hours=24)).secret
        emit(rt, alice)
        deliver.step(rt)
        with rt.database.write() as session:
            session.get_one(Webhook, webhook.id).previous_secret_until = utcnow()
        emit(rt, alice)
        deliver.step(rt)
        during, after = [headers_of(request) for request in server.requests]
    assert len(during[0]["webhook-signature"].split(" ")) == 2
    verify(old, *during)
    verify(new, *during)
    assert len(after[0]["webhook-signature"].split(" ")) == 1
    verify(new, *after)


def test_a_large_payload_goes_thin_with_its_links(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer())) as server:
        subscribe(rt, alice, server.url)
        emit(rt, alice, url="https://here/x", metadata={"long": "é" * MAX_BODY_BYTES})
        deliver.step(rt)
        _, body = headers_of(server.requests[0])
    assert len(body) < MAX_BODY_BYTES
    assert b'"data":{"id":"x","url":"https://here/x","thin":true}' in body


def test_a_callback_address_is_tried_again_like_a_subscription(rt: Runtime, alice: Any) -> None:
    with closing(Loopback(answer(status="500 Oops"))) as server:
        with rt.database.write() as session:
            emitter = outbound.Emitter(session, alice.workspace_id)
            emitter.emit("prediction.completed", {"id": "pred_1"}, [server.url])
        deliver.step(rt)
        server.talk = answer()
        come_due(rt)
        deliver.step(rt)
        assert len(server.requests) == 2
    with rt.database.read() as session:
        assert session.scalars(select(Delivery.status)).all() == ["delivered"]
        tries = select(DeliveryAttempt.response_status).order_by(DeliveryAttempt.id)
        assert session.scalars(tries).all() == [500, 200]


def test_the_body_stays_the_same_at_every_attempt(rt: Runtime, alice: Any) -> None:
    subscribe(rt, alice, "http://127.0.0.1:9/")
    emit(rt, alice)
    bodies = []
    for _ in range(2):
        with rt.database.write() as session:
            _, [parcel] = deliveries.claim_due(session, limit=1, seconds=60)
            bodies.append(body_of(parcel))
            session.execute(update(Delivery).values(lease_until=utcnow() - timedelta(seconds=1)))
    assert bodies[0] == bodies[1]
