"""Subscriptions that ask for some events only, and keys that may do nothing but subscribe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from caller import Caller
from colours import picture
from conftest import Person
from flask import Flask
from loopback import Loopback, answer

from connector.db import Database
from connector.domain import accounts
from connector.settings import Settings
from workers import deliver
from workers.runtime import Runtime

PATH = "/api/v1/webhooks"
OUTSIDE = "https://93.184.216.34/hook"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})


@pytest.fixture
def server() -> Iterator[Loopback]:
    with closing(Loopback(answer())) as server:
        yield server


@pytest.fixture
def key(database: Database, alice: Person) -> tuple[str, str]:
    """A key of Alice's workspace as a tool gets it: its id and its secret."""
    return make_key(database, alice)


def make_key(database: Database, person: Person) -> tuple[str, str]:
    scopes = ("ingest", "read", "review", "subscribe")
    with database.write() as session:
        row, secret = accounts.create_key(session, person.workspace_id, "Zapier", scopes)
        return row.id, secret


def subscribe(caller: Caller, url: str, **more: Any) -> Any:
    wanted = {"url": url, "event_types": ["prediction.completed"], **more}
    response = caller.post(PATH, json=wanted)
    assert response.status_code == 201, response.text
    return response.json


def test_only_what_was_asked_for_is_sent(
    as_alice: Caller, job: Any, drain: Callable[[], None], server: Loopback, rt: Runtime
) -> None:
    filters = {"labels": ["red", "blue"], "min_confidence": 0.9, "classifier_ids": [job.id]}
    shown = subscribe(as_alice, server.url, filters=filters)
    assert {k: v for k, v in shown["filters"].items() if v is not None} == filters
    made = as_alice.post("/api/v1/classifiers", json={"name": "Other", "recipe": "sort"}).json or {}
    subscribe(as_alice, server.url, filters={"classifier_ids": [made["id"]]})
    for colour in ("red", "green", "blue"):
        as_alice.post(f"{job.path}/predictions", data=picture(colour))
    drain()
    while deliver.step(rt):
        pass
    bodies = [json.loads(one.partition(b"\r\n\r\n")[2]) for one in server.requests]
    assert sorted(body["data"]["label"] for body in bodies) == ["blue", "red"]


def test_filters_can_be_changed_and_dropped(as_alice: Caller) -> None:
    made = subscribe(as_alice, OUTSIDE, filters={"labels": ["red"]})
    one = f"{PATH}/{made['id']}"
    as_alice("PATCH", one, json={"enabled": False})
    assert (as_alice.get(one).json or {})["filters"]["labels"] == ["red"]
    as_alice("PATCH", one, json={"filters": {"decided_by": "person"}})
    assert (as_alice.get(one).json or {})["filters"] == {"decided_by": "person"}
    as_alice("PATCH", one, json={"filters": {}})
    assert (as_alice.get(one).json or {})["filters"] == {}
    as_alice("PATCH", one, json={"filters": {"labels": ["red"]}})
    refused = as_alice("PATCH", one, json={"event_types": ["model.promoted"]})
    assert (refused.status_code, (refused.json or {})["code"]) == (422, "bad_filter")
    assert (as_alice.get(one).json or {})["event_types"] == ["prediction.completed"]


@pytest.mark.parametrize(
    "filters", [{"labels": []}, {"label": "red"}, {"min_confidence": 0.9, "max_confidence": 0.1}]
)
def test_impossible_filters_are_refused(as_alice: Caller, filters: Any) -> None:
    wanted = {"url": OUTSIDE, "event_types": ["prediction.completed"], "filters": filters}
    assert as_alice.post(PATH, json=wanted).status_code == 422
    assert (as_alice.get(PATH).json or {})["items"] == []


def test_a_classifier_that_is_not_there_is_refused(
    as_alice: Caller, as_charlie: Caller, job: Any
) -> None:
    made = subscribe(as_alice, OUTSIDE)
    for caller, classifier in ((as_alice, "clf_none"), (as_charlie, job.id)):
        filters = {"classifier_ids": [classifier]}
        wanted = {"url": OUTSIDE, "event_types": ["prediction.completed"], "filters": filters}
        refused = caller.post(PATH, json=wanted)
        assert (refused.status_code, (refused.json or {})["code"]) == (422, "bad_filter")
    one = f"{PATH}/{made['id']}"
    changed = as_alice("PATCH", one, json={"filters": {"classifier_ids": ["clf_none"]}})
    assert changed.status_code == 422
    assert (as_alice.get(one).json or {})["filters"] == {}


def test_a_tools_key_ends_what_it_began_and_nothing_else(
    app: Flask, as_alice: Caller, key: tuple[str, str], database: Database, alice: Person
) -> None:
    tool = Caller(app, {"Authorization": f"Bearer {key[1]}"})
    other = Caller(app, {"Authorization": f"Bearer {make_key(database, alice)[1]}"})
    mine, alices = subscribe(tool, OUTSIDE), subscribe(as_alice, OUTSIDE)
    for caller, made in ((tool, alices), (other, mine)):
        refused = caller("DELETE", f"{PATH}/{made['id']}")
        assert (refused.status_code, (refused.json or {})["code"]) == (403, "another_key")
    assert tool("PATCH", f"{PATH}/{mine['id']}", json={"enabled": False}).status_code == 403
    assert tool("DELETE", f"{PATH}/{mine['id']}").status_code == 204
    assert tool("DELETE", f"{PATH}/{mine['id']}").status_code == 404
    assert as_alice("DELETE", f"{PATH}/{alices['id']}").status_code == 204


def test_without_the_scope_nobody_subscribes(app: Flask, database: Database, alice: Person) -> None:
    with database.write() as session:
        _, secret = accounts.create_key(session, alice.workspace_id, "reader", ("read", "review"))
    reader = Caller(app, {"Authorization": f"Bearer {secret}"})
    wanted = {"url": OUTSIDE, "event_types": ["prediction.completed"]}
    refused = reader.post(PATH, json=wanted)
    assert (refused.status_code, (refused.json or {})["scope"]) == (403, "subscribe")


def test_revoking_a_tools_key_ends_its_subscriptions(
    app: Flask, as_alice: Caller, key: tuple[str, str], database: Database, alice: Person
) -> None:
    tool = Caller(app, {"Authorization": f"Bearer {key[1]}"})
    subscribe(tool, OUTSIDE)
    stays = subscribe(as_alice, OUTSIDE)
    with database.write() as session:
        accounts.revoke_key(session, alice.workspace_id, key[0])
    assert tool.get(PATH).status_code == 401
    assert [one["id"] for one in (as_alice.get(PATH).json or {})["items"]] == [stays["id"]]


def test_revoking_a_key_that_may_do_everything_leaves_its_subscriptions(
    app: Flask, as_alice: Caller, database: Database, alice: Person
) -> None:
    with database.write() as session:
        row, secret = accounts.create_key(session, alice.workspace_id, "set-up")
        key_id = row.id
    made = subscribe(Caller(app, {"Authorization": f"Bearer {secret}"}), OUTSIDE)
    with database.write() as session:
        accounts.revoke_key(session, alice.workspace_id, key_id)
    assert [one["id"] for one in (as_alice.get(PATH).json or {})["items"]] == [made["id"]]
