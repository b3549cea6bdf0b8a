"""Who gets in, and who does not."""

from __future__ import annotations

import pytest
from caller import Caller
from conftest import Person
from flask import Flask

from connector.db import Database
from connector.domain import accounts


def test_without_a_key_nobody_gets_in(as_nobody: Caller) -> None:
    response = as_nobody.get("/api/v1/me")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="colabel"'
    assert response.json is not None
    assert response.json["code"] == "missing_key"
    assert "Authorization: Bearer KEY" in response.json["detail"]


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer  ", "clbl_abc"])
def test_other_forms_of_the_header_are_told_the_right_one(app: Flask, header: str) -> None:
    response = Caller(app, {"Authorization": header}).get("/api/v1/me")
    assert response.status_code == 401
    assert response.json is not None
    assert response.json["code"] == "missing_key"


def test_a_wrong_key_is_refused(app: Flask) -> None:
    response = Caller(app, {"Authorization": "Bearer clbl_wrong"}).get("/api/v1/me")
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_alice_is_known_by_her_key(as_alice: Caller, alice: Person) -> None:
    shown = as_alice.get("/api/v1/me").json
    assert shown is not None
    assert shown["workspace_id"] == alice.workspace_id
    assert shown["key_name"] == "Alice's key"
    assert shown["scopes"] == ["admin", "ingest", "read", "review", "subscribe"]


def test_a_revoked_key_is_refused_at_once(
    app: Flask, as_bob: Caller, bob: Person, database: Database
) -> None:
    key_id = (as_bob.get("/api/v1/me").json or {})["key_id"]
    with database.write() as session:
        accounts.revoke_key(session, bob.workspace_id, key_id)
    assert as_bob.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("read", "POST", "/api/v1/classifiers"),
        ("ingest", "GET", "/api/v1/predictions"),
        ("read", "POST", "/api/v1/reviews/rev_x/answer"),
        ("ingest", "POST", "/api/v1/actions/act_x/undo"),
        ("review", "POST", "/api/v1/webhooks"),
        ("read", "POST", "/api/v1/classifiers/clf_x/predictions"),
    ],
)
def test_a_key_does_only_what_its_scopes_allow(
    app: Flask, database: Database, alice: Person, scope: str, method: str, path: str
) -> None:
    with database.write() as session:
        _, secret = accounts.create_key(session, alice.workspace_id, "narrow", [scope])
    response = Caller(app, {"Authorization": f"Bearer {secret}"})(method, path)
    assert response.status_code == 403
    assert response.json is not None
    assert response.json["code"] == "missing_scope"
    assert "insufficient_scope" in response.headers["WWW-Authenticate"]


def test_the_key_is_checked_before_the_body_is_looked_at(as_nobody: Caller) -> None:
    path = "/api/v1/classifiers/clf_x/predictions"
    response = as_nobody.post(path, data=b"x" * 5_000_000, content_type="image/jpeg")
    assert response.status_code == 401
