"""The audit log at the user's level: Alice and Bob may read theirs, Charlie sees nothing of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from caller import Caller
from conftest import Person
from flask import Flask

from connector.db import Database
from connector.domain import accounts

PATH = "/api/v1/audit"


def listed(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (caller.get(PATH, query_string=query).json or {})["items"]
    return found


@pytest.fixture
def made(as_alice: Caller, as_bob: Caller) -> dict[str, Any]:
    """A classifier that Alice made and Bob renamed."""
    made = as_alice.post("/api/v1/classifiers", json={"name": "pages", "labels": ["a"]}).json or {}
    as_bob("PATCH", made["url"].partition("8484")[2], json={"name": "sheets", "threshold": 0.5})
    return made


def test_it_says_who_did_what_and_what_was_before(
    as_alice: Caller, made: dict[str, Any], bob: Person
) -> None:
    changed, created = listed(as_alice, classifier_id=made["id"])
    assert created["what"] == "classifier.created"
    assert created["actor"]["name"] == "Alice's key"
    assert created["before"] is None
    assert created["after"] == {"name": "pages", "recipe": "sort", "labels": ["a"]}
    assert (changed["what"], changed["resource_id"]) == ("classifier.changed", made["id"])
    assert (changed["actor"]["kind"], changed["actor"]["name"]) == ("key", f"{bob.name}'s key")
    assert changed["address"] == "127.0.0.1"
    assert changed["before"] == {"name": "pages", "threshold": None}
    assert changed["after"] == {"name": "sheets", "threshold": 0.5}
    assert changed["created_at"] > created["created_at"]


def test_nobody_else_sees_it(as_alice: Caller, as_charlie: Caller, made: dict[str, Any]) -> None:
    assert listed(as_charlie, resource_id=made["id"]) == []
    own = {one["what"] for one in listed(as_charlie)}
    assert own == {"workspace.created", "key.created"}
    assert all("Alice" not in str(one) for one in listed(as_charlie))


def test_it_takes_the_scope_admin(app: Flask, database: Database, alice: Person) -> None:
    with database.write() as session:
        scopes = ("ingest", "read", "review")
        _, secret = accounts.create_key(session, alice.workspace_id, "narrow", scopes)
    response = Caller(app, {"Authorization": f"Bearer {secret}"}).get(PATH)
    assert response.status_code == 403


def test_it_is_filtered(as_alice: Caller, made: dict[str, Any]) -> None:
    whole = listed(as_alice)
    assert len(listed(as_alice, what="classifier")) == 2
    assert len(listed(as_alice, what="classifier.created")) == 1
    assert listed(as_alice, what="classifier.cre") == []
    assert listed(as_alice, what="class%") == []
    by_bob = listed(as_alice, by="Bob's key")
    assert [one["what"] for one in by_bob] == ["classifier.changed"]
    assert listed(as_alice, by=by_bob[0]["actor"]["id"]) == by_bob
    assert {one["actor"]["kind"] for one in listed(as_alice, by="system")} == {"system"}
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert listed(as_alice, since=later) == []
    assert listed(as_alice, until=later) == whole
    assert as_alice.get(PATH, query_string={"since": "yesterday"}).status_code == 422


def test_it_comes_in_pages(as_alice: Caller, made: dict[str, Any]) -> None:
    whole, found, cursor = listed(as_alice), [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = as_alice.get(PATH, query_string=query).json or {}
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == whole
    assert [one["id"] for one in whole] == sorted((one["id"] for one in whole), reverse=True)


def test_it_cannot_be_changed(app: Flask, alice: Person) -> None:
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        for path in (PATH, f"{PATH}/aud_1"):
            answer = app.test_client().open(path, method=method, headers=alice.headers)
            assert answer.status_code in (404, 405)


def test_what_is_refused_or_changes_nothing_leaves_no_entry(
    as_alice: Caller, made: dict[str, Any]
) -> None:
    before = listed(as_alice)
    path = f"/api/v1/classifiers/{made['id']}"
    assert as_alice("PATCH", path, json={"threshold": 7}).status_code == 422
    assert as_alice("PATCH", path, json={"name": "sheets"}).status_code == 200
    assert as_alice("DELETE", f"{path}x").status_code == 404
    assert listed(as_alice) == before


def test_a_promise_is_an_entry_of_its_own(as_alice: Caller, made: dict[str, Any]) -> None:
    path = f"/api/v1/classifiers/{made['id']}"
    as_alice("PATCH", path, json={"promise": {"kind": "error_rate", "rate": 0.02}})
    as_alice("PATCH", path, json={"audit_share": 0.5})
    share, promise = listed(as_alice, what="promise.changed")
    assert promise["before"] == {"promise": {"kind": "confidence"}}
    assert promise["after"] == {"promise": {"kind": "error_rate", "rate": 0.02}}
    assert share["after"] == {"audit_share": 0.5}
