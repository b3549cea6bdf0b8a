"""People: who they are, what they may do, and that somebody always looks after a workspace."""

from __future__ import annotations

import pytest
from conftest import Person

from connector.db import Database
from connector.domain import audit_log, logins, people
from connector.domain.logins import Place
from connector.errors import ColabelError, Conflict, NotFound


def add(database: Database, workspace_id: str, name: str, role: str = people.OWNER) -> str:
    with database.write() as session:
        return people.add(
            session,
            workspace_id,
            email=f"{name}@Example.com",
            name=name,
            password_hash="no hash",
            role=role,
        ).id


def test_a_person_is_added_once(database: Database, alice: Person, charlie: Person) -> None:
    add(database, alice.workspace_id, "alice")
    with pytest.raises(Conflict) as caught:
        add(database, charlie.workspace_id, "ALICE")
    assert caught.value.code == "email_taken"
    with database.read() as session:
        assert [one.email for one in people.list_people(session, alice.workspace_id)] == [
            "alice@example.com"
        ]
        assert people.list_people(session, charlie.workspace_id) == []


@pytest.mark.parametrize("email", ["", "alice", "a@b@c", "a b@example.com", "a@\x07b", "@b", "a@"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ColabelError) as caught:
        people.normal_email(email)
    assert caught.value.code == "bad_email"


def test_roles_include_what_lesser_ones_may() -> None:
    assert people.may("owner", "reviewer")
    assert people.may("member", "member")
    assert not people.may("reviewer", "member")
    with pytest.raises(ColabelError, match="A role is one of"):
        people.check_role("admin")


def test_there_is_always_an_owner(database: Database, alice: Person) -> None:
    first = add(database, alice.workspace_id, "alice")
    member = add(database, alice.workspace_id, "bob", people.MEMBER)
    with database.write() as session:
        row = people.get(session, alice.workspace_id, first)
        for change in (
            lambda: people.disable(session, row),
            lambda: people.change_role(session, row, people.MEMBER),
        ):
            with pytest.raises(Conflict) as caught:
                change()
            assert caught.value.code == "last_owner"
        people.change_role(session, people.get(session, alice.workspace_id, member), people.OWNER)
        people.disable(session, row)
    with database.read() as session:
        assert people.has_owner(session, alice.workspace_id)
        assert people.get(session, alice.workspace_id, first).disabled_at is not None


def test_whoever_is_shut_out_is_out_at_once(database: Database, alice: Person) -> None:
    add(database, alice.workspace_id, "alice")
    bob = add(database, alice.workspace_id, "bob", people.MEMBER)
    with database.write() as session:
        row = people.get(session, alice.workspace_id, bob)
        token = logins.begin_session(session, row, Place("127.0.0.1"))
        assert logins.visitor(session, token) is not None
        people.disable(session, row)
        assert logins.visitor(session, token) is None
        people.enable(session, row)
        assert logins.visitor(session, token) is None


def test_charlie_finds_nobody(database: Database, alice: Person, charlie: Person) -> None:
    mine = add(database, alice.workspace_id, "alice")
    with database.read() as session:
        with pytest.raises(NotFound):
            people.get(session, charlie.workspace_id, mine)
        with pytest.raises(NotFound):
            people.find(session, charlie.workspace_id, "alice@example.com")
        assert people.find(session, alice.workspace_id, "Alice@example.com").id == mine


def test_changes_are_noted_without_secrets(database: Database, alice: Person) -> None:
    first = add(database, alice.workspace_id, "alice")
    with database.write() as session:
        row = people.get(session, alice.workspace_id, first)
        people.rename(session, row, "Alice Liddell")
        people.set_password(session, row, "another hash")
    with database.read() as session:
        found = audit_log.list_entries(session, alice.workspace_id, what="person").items
    assert [one.what for one in found] == [
        "person.password_changed",
        "person.changed",
        "person.created",
    ]
    assert found[1].after == {"name": "Alice Liddell"}
    assert "hash" not in str([one.after for one in found])
