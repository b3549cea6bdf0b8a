"""Workspaces and keys."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import ApiKey
from connector.domain import accounts
from connector.errors import Forbidden, NotFound, Unauthorized, Unprocessable

# The cast of conftest.py.
Person = Any
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_key_lets_its_owner_into_her_own_workspace(
    database: Database, alice: Person, bob: Person, charlie: Person
) -> None:
    with database.read() as session:
        hers = accounts.authenticate(session, alice.secret)
        his = accounts.authenticate(session, bob.secret)
        other = accounts.authenticate(session, charlie.secret)
    assert hers.workspace_id == his.workspace_id == alice.workspace_id
    assert hers.key_id != his.key_id
    assert hers.key_name == "Alice's key"
    assert other.workspace_id != hers.workspace_id


def test_only_a_hash_of_the_secret_is_kept(database: Database, alice: Person) -> None:
    with database.read() as session:
        key = session.scalars(select(ApiKey)).one()
        values = [str(value) for name, value in vars(key).items() if not name.startswith("_")]
        hint = key.hint
    assert len(values) >= 7
    assert not any(alice.secret in value for value in values)
    assert hint == alice.secret[-4:]
    assert alice.secret.startswith("clbl_")
    assert len(alice.secret) == 45


@pytest.mark.parametrize("secret", ["", "clbl_wrong", "\ud800", "'; DROP TABLE api_keys; --"])
def test_another_secret_lets_nobody_in(database: Database, alice: Person, secret: str) -> None:
    with database.read() as session, pytest.raises(Unauthorized, match="colabel key create"):
        accounts.authenticate(session, secret)


def test_a_revoked_key_lets_nobody_in_and_others_stay(
    database: Database, alice: Person, bob: Person
) -> None:
    with database.write() as session:
        key_id = accounts.authenticate(session, bob.secret).key_id
        accounts.revoke_key(session, alice.workspace_id, key_id)
    with database.read() as session:
        accounts.authenticate(session, alice.secret)
        with pytest.raises(Unauthorized):
            accounts.authenticate(session, bob.secret)
        assert [k.name for k in accounts.list_keys(session, alice.workspace_id)] == ["Alice's key"]


def test_charlie_cannot_revoke_alices_key(
    database: Database, alice: Person, charlie: Person
) -> None:
    with database.write() as session:
        key_id = accounts.authenticate(session, alice.secret).key_id
        with pytest.raises(NotFound):
            accounts.revoke_key(session, charlie.workspace_id, key_id)
    with database.read() as session:
        accounts.authenticate(session, alice.secret)


def test_scopes_bound_what_a_key_may_do(database: Database, alice: Person) -> None:
    with database.write() as session:
        _, secret = accounts.create_key(session, alice.workspace_id, "camera", ("ingest",))
        camera = accounts.authenticate(session, secret)
        owner = accounts.authenticate(session, alice.secret)
    accounts.require(camera, "ingest")
    accounts.require(owner, "admin")
    with pytest.raises(Forbidden, match="'read'"):
        accounts.require(camera, "read")


@SQLITE
@pytest.mark.parametrize("scopes", [(), ("ingest", "everything")])
def test_unknown_or_no_scopes_are_refused(
    database: Database, alice: Person, scopes: tuple[str, ...]
) -> None:
    with database.write() as session, pytest.raises(Unprocessable, match="Scopes are"):
        accounts.create_key(session, alice.workspace_id, "key", scopes)


def test_the_first_workspace_is_made_once(database: Database) -> None:
    with database.write() as session:
        secret = accounts.ensure_first_workspace(session)
    assert secret is not None
    with database.write() as session:
        assert accounts.ensure_first_workspace(session) is None
        principal = accounts.authenticate(session, secret)
        assert accounts.find_workspace(session).id == principal.workspace_id
        assert accounts.find_workspace(session, principal.workspace_name).id == (
            principal.workspace_id
        )
        with pytest.raises(NotFound, match="colabel up"):
            accounts.find_workspace(session, "elsewhere")


def test_without_a_workspace_the_sentence_says_how_to_get_one(database: Database) -> None:
    with database.read() as session, pytest.raises(NotFound, match="colabel up"):
        accounts.find_workspace(session)
