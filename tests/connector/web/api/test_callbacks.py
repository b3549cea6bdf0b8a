"""Callbacks that are added after a picture came in: told once, whenever the answer comes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from at_once import meanwhile
from caller import Caller
from colours import picture
from conftest import Person
from loopback import Loopback, answer
from sqlalchemy import select, update

from connector.db import Database
from connector.db.tables import Delivery, Endpoint
from connector.db.types import utcnow
from connector.domain import callbacks, reviews
from connector.settings import Settings
from workers import deliver
from workers.runtime import Runtime

ON_BOTH_DATABASES = True


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})


@pytest.fixture
def server() -> Iterator[Loopback]:
    with closing(Loopback(answer())) as server:
        yield server


@pytest.fixture
def asked(as_alice: Caller, job: Any, drain: Callable[[], None]) -> Any:
    """A picture about which a person is asked."""
    made = as_alice.post(f"{job.path}/predictions", data=picture("grey")).json or {}
    drain()
    shown = as_alice.get(f"/api/v1/predictions/{made['id']}").json or {}
    assert shown["status"] == "needs_review"
    return shown


def add(caller: Caller, prediction: Any, url: str) -> Any:
    path = f"/api/v1/predictions/{prediction['id']}/callbacks"
    response = caller.post(path, json={"callback_url": url})
    assert response.status_code == 202, response.text
    return response.json


def settle(caller: Caller, prediction: Any, label: str = "blue") -> None:
    path = f"/api/v1/reviews/{prediction['review_id']}/answer"
    assert caller.post(path, json={"label": label}).status_code == 200


def told(server: Loopback, rt: Runtime) -> list[Any]:
    """Send all that is due; return what the server got so far."""
    while deliver.step(rt):
        pass
    return [json.loads(one.partition(b"\r\n\r\n")[2]) for one in server.requests]


def test_an_address_added_while_a_person_is_asked_gets_their_answer(
    as_alice: Caller, as_bob: Caller, asked: Any, server: Loopback, rt: Runtime
) -> None:
    assert add(as_alice, asked, server.url)["status"] == "needs_review"
    assert told(server, rt) == []
    settle(as_bob, asked)
    [message] = told(server, rt)
    assert message["type"] == "prediction.completed"
    shown = as_alice.get(f"/api/v1/predictions/{asked['id']}").json
    assert message["data"] == shown
    assert (message["data"]["label"], message["data"]["decided_by"]) == ("blue", "person")


def test_an_address_added_after_the_answer_is_told_at_once(
    as_alice: Caller, asked: Any, server: Loopback, rt: Runtime
) -> None:
    settle(as_alice, asked)
    assert add(as_alice, asked, server.url)["status"] == "done"
    [message] = told(server, rt)
    assert message["data"]["label"] == "blue"
    add(as_alice, asked, server.url)
    assert len(told(server, rt)) == 1, "the same address twice is told once"


def test_each_address_is_told_once(
    as_alice: Caller, asked: Any, server: Loopback, rt: Runtime
) -> None:
    for path in ("first", "second", "first", "third", "second"):
        add(as_alice, asked, f"{server.url}/{path}")
    settle(as_alice, asked)
    assert len(told(server, rt)) == 3
    called = sorted(request.split()[1].decode() for request in server.requests)
    assert [path.rpartition("/")[2] for path in called] == ["first", "second", "third"]


def test_an_address_beside_the_one_that_came_with_the_picture(
    as_alice: Caller, job: Any, drain: Callable[[], None], server: Loopback, rt: Runtime
) -> None:
    query = {"callback_url": f"{server.url}/sent"}
    path = f"{job.path}/predictions"
    made = as_alice.post(path, data=picture("red"), query_string=query).json
    add(as_alice, made, f"{server.url}/sent")
    add(as_alice, made, f"{server.url}/added")
    drain()
    assert [one["data"]["label"] for one in told(server, rt)] == ["red", "red"]


def test_there_is_an_end_to_their_number(as_alice: Caller, asked: Any, server: Loopback) -> None:
    for number in range(callbacks.MOST):
        add(as_alice, asked, f"{server.url}/{number}")
    path = f"/api/v1/predictions/{asked['id']}/callbacks"
    refused = as_alice.post(path, json={"callback_url": f"{server.url}/more"})
    assert (refused.status_code, (refused.json or {})["code"]) == (409, "too_many_callbacks")
    assert add(as_alice, asked, f"{server.url}/0")["id"] == asked["id"]


def test_only_outside_and_only_ones_own(as_alice: Caller, as_charlie: Caller, asked: Any) -> None:
    path = f"/api/v1/predictions/{asked['id']}/callbacks"
    inside = as_alice.post(path, json={"callback_url": "http://10.0.0.1/"})
    assert (inside.status_code, (inside.json or {})["code"]) == (422, "forbidden_address")
    theirs = as_charlie.post(path, json={"callback_url": "https://93.184.216.34/"})
    assert theirs.status_code == 404


def test_an_answer_and_an_address_at_the_same_moment(
    database: Database,
    settings: Settings,
    alice: Person,
    asked: Any,
    server: Loopback,
    rt: Runtime,
) -> None:
    url = server.url

    def answers(session: Any) -> Any:
        return reviews.answer(
            session, settings, alice.workspace_id, asked["review_id"], "blue", by="Bob"
        )

    def adds() -> None:
        with database.write() as session:
            callbacks.add(session, alice.workspace_id, asked["id"], url, settings.public_url)

    _, _, in_time = meanwhile(database, answers, adds)
    assert not in_time, "it waits until the answer is there"
    assert [one["data"]["label"] for one in told(server, rt)] == ["blue"]


def test_an_address_and_an_answer_at_the_same_moment(
    database: Database,
    settings: Settings,
    alice: Person,
    asked: Any,
    server: Loopback,
    rt: Runtime,
) -> None:
    url, workspace = server.url, alice.workspace_id

    def adds(session: Any) -> Any:
        return callbacks.add(session, workspace, asked["id"], url, settings.public_url)

    def answers() -> None:
        with database.write() as session:
            reviews.answer(session, settings, workspace, asked["review_id"], "blue", by="Bob")

    _, _, in_time = meanwhile(database, adds, answers)
    assert not in_time, "whoever answers sees the address"
    assert [one["data"]["label"] for one in told(server, rt)] == ["blue"]


def test_a_callback_is_tried_daily_for_a_month_and_then_given_up(
    as_alice: Caller, asked: Any, server: Loopback, rt: Runtime, database: Database
) -> None:
    server.talk = answer(status="503 Not now")
    add(as_alice, asked, server.url)
    settle(as_alice, asked)

    def try_after(days: float) -> Delivery:
        with database.write() as session:
            made = utcnow() - timedelta(days=days)
            # As if that many days had passed, and all the attempts that belong to them.
            session.execute(update(Delivery).values(due_at=utcnow(), created_at=made, attempts=10))
            session.execute(update(Endpoint).values(open_until=None))
        assert deliver.step(rt) == 1
        with database.read() as session:
            return session.scalars(select(Delivery)).one()

    row = try_after(4)
    assert row.status == "pending"
    assert timedelta(hours=23.9) < row.due_at - utcnow() < timedelta(hours=26.5)
    assert try_after(28.9).status == "pending"
    assert try_after(29.5).status == "failed"


def test_an_address_that_is_gone_is_left_alone(
    as_alice: Caller, asked: Any, server: Loopback, rt: Runtime, database: Database
) -> None:
    server.talk = answer(status="410 Gone")
    add(as_alice, asked, server.url)
    settle(as_alice, asked)
    assert deliver.step(rt) == 1
    with database.read() as session:
        assert session.scalars(select(Delivery.status)).all() == ["failed"]
