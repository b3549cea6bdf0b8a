"""Webhooks at the user's level: Alice owns one, Bob may use it, Charlie sees nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from caller import Caller
from conftest import Person
from loopback import Loopback, answer

from connector.domain import outbound
from connector.settings import Settings
from connector.signing import verify
from workers import deliver
from workers.runtime import Runtime

PATH = "/api/v1/webhooks"
WIDE = {
    "from": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
    "to": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})


@pytest.fixture
def server() -> Iterator[Loopback]:
    with closing(Loopback(answer())) as server:
        yield server


@pytest.fixture
def hook(as_alice: Caller, server: Loopback) -> Any:
    response = as_alice.post(PATH, json={"url": server.url, "event_types": ["alert.raised"]})
    assert response.status_code == 201
    return response.json


def emit(rt: Runtime, person: Person, count: int = 1) -> None:
    with rt.database.write() as session:
        for _ in range(count):
            outbound.emit(session, person.workspace_id, "alert.raised", {"id": "x"})


def headers_of(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def test_the_log_shows_each_attempt_and_no_secret(
    as_alice: Caller, as_bob: Caller, alice: Person, hook: Any, server: Loopback, rt: Runtime
) -> None:
    server.talk = answer(status="500 Oops")
    emit(rt, alice)
    deliver.step(rt)
    response = as_bob.get(f"{PATH}/{hook['id']}/deliveries?state=pending")
    [shown] = (response.json or {})["items"]
    [attempt] = shown["attempts"]
    assert (attempt["status_code"], attempt["error"]) == (500, "The receiver answered 500.")
    assert shown["next_attempt_at"] is not None
    assert hook["secret"] not in response.text
    none = as_alice.get(f"{PATH}/{hook['id']}/deliveries?state=delivered").json or {}
    assert none["items"] == []
    assert (as_alice.get(f"{PATH}/{hook['id']}").json or {})["failures"] == 1


def test_the_log_comes_in_pages(as_alice: Caller, alice: Person, hook: Any, rt: Runtime) -> None:
    emit(rt, alice, 3)
    path = f"{PATH}/{hook['id']}/deliveries?limit=2"
    first = as_alice.get(path).json or {}
    second = as_alice.get(f"{path}&cursor={first['next_cursor']}").json or {}
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (2, 1, None)


def test_replayed_under_the_same_id(
    as_alice: Caller, alice: Person, hook: Any, server: Loopback, rt: Runtime
) -> None:
    emit(rt, alice, 2)
    deliver.step(rt)
    path = f"{PATH}/{hook['id']}"
    one = (as_alice.get(f"{path}/deliveries").json or {})["items"][0]
    assert as_alice.post(f"{path}/deliveries/{one['id']}/replay").status_code == 202
    assert as_alice.post(f"{path}/deliveries/{one['id']}/replay").status_code == 409
    deliver.step(rt)
    assert headers_of(server.requests[-1])[0]["webhook-id"] == one["event_id"]
    assert (as_alice.post(f"{path}/replay", json=WIDE).json or {}) == {"replayed": 2}
    deliver.step(rt)
    ids = [headers_of(request)[0]["webhook-id"] for request in server.requests]
    assert (len(ids), len(set(ids))) == (5, 2)
    assert as_alice.post(f"{path}/deliveries/dlv_none/replay").status_code == 404


def test_a_test_is_really_sent_and_its_answer_shown(
    as_alice: Caller, hook: Any, server: Loopback
) -> None:
    shown = as_alice.post(f"{PATH}/{hook['id']}/test").json or {}
    assert (shown["event_type"], shown["state"]) == ("webhook.test", "delivered")
    verify(hook["secret"], *headers_of(server.requests[0]))
    server.talk = answer(status="418 Teapot")
    shown = as_alice.post(f"{PATH}/{hook['id']}/test").json or {}
    assert (shown["state"], shown["attempts"][0]["status_code"]) == ("failed", 418)


def test_the_secret_is_replaced_and_shown_once(as_alice: Caller, hook: Any) -> None:
    path = f"{PATH}/{hook['id']}"
    rotated = as_alice.post(f"{path}/rotate-secret", json={}).json or {}
    assert rotated["secret"] != hook["secret"]
    shown = as_alice.get(path).json or {}
    assert "secret" not in shown
    assert shown["previous_secret_until"] is not None
    assert as_alice.post(f"{path}/rotate-secret", json={"grace_hours": 1000}).status_code == 422


def test_switched_off_and_on_again(
    as_alice: Caller, alice: Person, hook: Any, server: Loopback, rt: Runtime
) -> None:
    path = f"{PATH}/{hook['id']}"
    emit(rt, alice)
    off = as_alice("PATCH", path, json={"enabled": False}).json or {}
    assert off["enabled"] is False
    assert off["disabled_reason"]
    assert as_alice.post(f"{path}/replay", json=WIDE).status_code == 409
    deliver.step(rt)
    assert server.requests == []
    on = as_alice("PATCH", path, json={"enabled": True, "event_types": ["action.failed"]}).json
    assert (on or {})["enabled"] is True
    assert (on or {})["event_types"] == ["action.failed"]
    assert (as_alice.post(f"{path}/replay", json=WIDE).json or {}) == {"replayed": 1}
    deliver.step(rt)
    assert len(server.requests) == 1
    inside = as_alice("PATCH", path, json={"url": "http://169.254.169.254/"})
    assert inside.status_code == 422


def test_charlie_sees_nothing(as_charlie: Caller, hook: Any) -> None:
    path = f"{PATH}/{hook['id']}"
    assert as_charlie.get(f"{path}/deliveries").status_code == 404
    assert as_charlie("PATCH", path, json={"enabled": False}).status_code == 404
    for name, body in (("rotate-secret", {}), ("replay", WIDE), ("test", None)):
        assert as_charlie.post(f"{path}/{name}", json=body).status_code == 404
    assert as_charlie.post(f"{path}/deliveries/dlv_1/replay").status_code == 404
