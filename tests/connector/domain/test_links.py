"""One-time links: looked at as often as one likes, used once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from conftest import Person
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import OneTimeLink
from connector.domain import links, people
from connector.errors import ColabelError, Conflict, Gone, NotFound


def owner(database: Database, alice: Person) -> str:
    with database.write() as session:
        made = links.for_owner(session, alice.workspace_id)
        return links.accept(
            session, made.token, name="Alice", email="alice@example.com", password_hash="h"
        ).id


def test_the_first_owners_link_is_there_until_there_is_an_owner(
    database: Database, alice: Person
) -> None:
    with database.write() as session:
        first = links.first_owner(session, alice.workspace_id)
        second = links.first_owner(session, alice.workspace_id)
    assert first is not None
    assert second is not None
    with database.write() as session:
        with pytest.raises(Gone) as caught:
            links.look(session, first.token)
        assert caught.value.code == "link_expired"
        person = links.accept(
            session, second.token, name="Alice", email="alice@example.com", password_hash="h"
        )
        assert person.role == people.OWNER
        assert links.first_owner(session, alice.workspace_id) is None


def test_a_link_is_used_once(database: Database, alice: Person) -> None:
    with database.write() as session:
        made = links.invite(session, alice.workspace_id, "Bob@example.com", "member")
        assert made.token not in str(made.link.__dict__)
        for _ in range(3):
            assert links.look(session, made.token).used_at is None
        bob = links.accept(
            session, made.token, name="Bob", email="eve@example.com", password_hash="h"
        )
        assert (bob.email, bob.role) == ("bob@example.com", "member")
    with database.write() as session, pytest.raises(Gone) as caught:
        links.accept(session, made.token, name="Eve", password_hash="h")
    assert caught.value.code == "link_used"


def test_of_two_at_once_one_wins(database: Database, alice: Person) -> None:
    with database.write() as session:
        made = links.for_owner(session, alice.workspace_id)
    came: list[str] = []
    ready = threading.Barrier(2)

    def accept(name: str) -> None:
        ready.wait(10)
        try:
            with database.write() as session:
                email = f"{name}@example.com"
                links.accept(session, made.token, name=name, email=email, password_hash="h")
        except ColabelError as error:
            came.append(error.code)
        else:
            came.append("accepted")

    threads = [threading.Thread(target=accept, args=(name,)) for name in ("alice", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(came) == ["accepted", "link_used"]
    with database.read() as session:
        assert len(people.list_people(session, alice.workspace_id)) == 1


def test_what_fails_leaves_the_link_usable(database: Database, alice: Person) -> None:
    owner(database, alice)
    with database.write() as session:
        made = links.for_owner(session, alice.workspace_id)
    with pytest.raises(Conflict), database.write() as session:
        links.accept(session, made.token, name="A", email="alice@example.com", password_hash="h")
    with database.read() as session:
        assert links.look(session, made.token).used_at is None


def test_links_run_out_and_can_be_taken_back(
    database: Database, alice: Person, charlie: Person
) -> None:
    with database.write() as session:
        made = links.invite(session, alice.workspace_id, "bob@example.com", "reviewer")
        assert [one.email for one in links.list_invitations(session, alice.workspace_id)] == [
            "bob@example.com"
        ]
        assert links.list_invitations(session, charlie.workspace_id) == []
        with pytest.raises(NotFound):
            links.withdraw(session, charlie.workspace_id, made.link.id)
        links.withdraw(session, alice.workspace_id, made.link.id)
        with pytest.raises(Gone):
            links.look(session, made.token)
        again = links.invite(session, alice.workspace_id, "bob@example.com", "reviewer")
        row = session.scalars(select(OneTimeLink).where(OneTimeLink.id == again.link.id)).one()
        row.expires_at -= timedelta(days=8)
        session.flush()
        with pytest.raises(Gone) as caught:
            links.look(session, again.token)
        assert caught.value.code == "link_expired"


def test_a_reset_is_for_a_password_and_nothing_else(database: Database, alice: Person) -> None:
    person_id = owner(database, alice)
    with database.write() as session:
        row = people.get(session, alice.workspace_id, person_id)
        made = links.reset(session, row)
        with pytest.raises(NotFound):
            links.accept(session, made.token, name="Eve", password_hash="h")
        links.choose_password(session, made.token, "a new hash")
        assert row.password_hash == "a new hash"
    with database.write() as session, pytest.raises(Gone):
        links.choose_password(session, made.token, "another")


def test_a_known_address_is_not_invited(database: Database, alice: Person, charlie: Person) -> None:
    owner(database, alice)
    with database.write() as session, pytest.raises(Conflict) as caught:
        links.invite(session, charlie.workspace_id, "Alice@example.com", "member")
    assert caught.value.code == "email_taken"


def test_an_unknown_link_is_said_to_be_one(database: Database, alice: Person) -> None:
    with database.read() as session, pytest.raises(NotFound) as caught:
        links.look(session, "nothing")
    assert caught.value.code == "unknown_link"
