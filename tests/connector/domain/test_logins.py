"""Logging in: sessions that end, and guessing that has to wait."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from conftest import Person
from sqlalchemy import select, update

from connector import passwords
from connector.db import Database
from connector.db.tables import LoginThrottle, PersonSession
from connector.db.tables import Person as Row
from connector.db.types import utcnow
from connector.domain import logins, people, throttles
from connector.domain.logins import Place
from connector.errors import NotFound, TooMany, Unauthorized

PASSWORD = "three words apart"
HOME, ELSEWHERE = Place("192.0.2.1", "Firefox"), Place("198.51.100.7", "curl")
EMAIL = "alice@example.com"


@pytest.fixture(scope="module")
def kept() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture
def row(database: Database, alice: Person, kept: str) -> Row:
    with database.write() as session:
        return people.add(
            session,
            alice.workspace_id,
            email=EMAIL,
            name="Alice",
            password_hash=kept,
            role=people.OWNER,
        )


def fail(database: Database, place: Place = ELSEWHERE, email: str = EMAIL) -> None:
    with pytest.raises(Unauthorized) as caught:
        logins.log_in(database, email, "wrong", place)
    assert caught.value.code == "wrong_login"


def later(database: Database, seconds: float) -> None:
    """Let so much time pass for the throttles."""
    with database.write() as session:
        for one in session.scalars(select(LoginThrottle)):
            one.last_at -= timedelta(seconds=seconds)
            if one.blocked_until is not None:
                one.blocked_until -= timedelta(seconds=seconds)


def test_a_session_lets_in_until_it_is_ended(database: Database, row: Row) -> None:
    token = logins.log_in(database, " Alice@Example.com", PASSWORD, HOME)
    with database.write() as session:
        who = logins.visitor(session, token)
        assert who is not None
        assert (who.person_id, who.role, who.email) == (row.id, "owner", EMAIL)
        kept = session.scalars(select(PersonSession)).one()
        assert token not in (kept.token_hash, kept.id)
        assert [one.id for one in logins.list_sessions(session, row.id)] == [who.session_id]
        logins.end_session(session, row.id, who.session_id)
        assert logins.visitor(session, token) is None
        with pytest.raises(NotFound):
            logins.end_session(session, row.id, who.session_id)


def test_sessions_run_out_unless_they_are_used(database: Database, row: Row) -> None:
    token = logins.log_in(database, EMAIL, PASSWORD, HOME)
    with database.write() as session:
        who = logins.visitor(session, token)
        assert who is not None
        assert not logins.is_due(who)
        session.execute(update(PersonSession).values(expires_at=utcnow() + timedelta(minutes=1)))
        logins.seen(session, who, HOME.address)
        kept = session.scalars(select(PersonSession)).one()
        assert kept.expires_at > utcnow() + timedelta(days=13)
        kept.created_at -= logins.LONGEST - timedelta(hours=1)
        logins.seen(session, who, HOME.address)
        assert kept.expires_at < utcnow() + timedelta(hours=2)
        kept.expires_at = utcnow()
        session.flush()
        assert logins.visitor(session, token) is None


def test_nobody_learns_which_addresses_there_are(database: Database, row: Row) -> None:
    said = set()
    for email in (EMAIL, "nobody@example.com", "no address"):
        with pytest.raises(Unauthorized) as caught:
            logins.log_in(database, email, "wrong", ELSEWHERE)
        said.add(caught.value.detail)
    assert len(said) == 1


def test_guessing_has_to_wait_longer_and_longer(database: Database, row: Row) -> None:
    for _ in range(5):
        fail(database)
    with pytest.raises(TooMany) as caught:
        logins.log_in(database, EMAIL, PASSWORD, ELSEWHERE)
    assert caught.value.code == "too_many_logins"
    assert 0 < (caught.value.retry_after or 0) <= 30
    assert "try again in" in caught.value.detail
    later(database, 31)
    fail(database)
    with pytest.raises(TooMany) as caught:
        fail(database)
    assert 30 < (caught.value.retry_after or 0) <= 60
    later(database, 3601)
    logins.log_in(database, EMAIL, PASSWORD, ELSEWHERE)


def test_a_stranger_cannot_lock_the_owner_out(database: Database, row: Row) -> None:
    logins.log_in(database, EMAIL, PASSWORD, HOME)
    for _ in range(5):
        fail(database)
    with pytest.raises(TooMany):
        logins.log_in(database, EMAIL, PASSWORD, ELSEWHERE)
    logins.log_in(database, EMAIL, PASSWORD, HOME)


def test_one_place_cannot_try_many_accounts(database: Database, row: Row) -> None:
    with database.write() as session:
        for number in range(20):
            email = throttles.of_email(f"{number}@example.com")
            throttles.attempt(session, [email, throttles.of_address("198.51.100.7")])
    with pytest.raises(TooMany, match="from your network"):
        logins.log_in(database, "another@example.com", "wrong", ELSEWHERE)
    logins.log_in(database, EMAIL, PASSWORD, HOME)


def test_success_is_not_held_against_anybody(database: Database, row: Row) -> None:
    for _ in range(30):
        with database.write() as session:
            limits = [throttles.of_email(EMAIL), throttles.of_address("192.0.2.1")]
            throttles.attempt(session, limits)
            throttles.succeeded(session, limits)
    with database.read() as session:
        assert session.scalars(select(LoginThrottle)).all() == []


def test_of_many_tries_at_once_none_slips_through(database: Database, row: Row) -> None:
    """Each is counted before the password is looked at, so five are tried and no more."""
    tried: list[bool] = []

    def attempt() -> None:
        try:
            with database.write() as session:
                throttles.attempt(session, [throttles.of_email(EMAIL)])
        except TooMany:
            tried.append(False)
        else:
            tried.append(True)

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(tried) == 12
    assert sum(tried) == 5


def test_whoever_is_shut_out_is_told_no_more_than_a_stranger(
    database: Database, alice: Person, row: Row, kept: str
) -> None:
    with database.write() as session:
        bob = people.add(
            session,
            alice.workspace_id,
            email="bob@example.com",
            name="Bob",
            password_hash=kept,
            role=people.MEMBER,
        )
        people.disable(session, bob)
    with pytest.raises(Unauthorized) as caught:
        logins.log_in(database, "bob@example.com", PASSWORD, HOME)
    assert caught.value.code == "wrong_login"


def test_a_new_password_ends_all_other_sessions(database: Database, row: Row) -> None:
    here, there = (logins.log_in(database, EMAIL, PASSWORD, one) for one in (HOME, ELSEWHERE))
    with database.write() as session:
        who = logins.visitor(session, here)
        assert who is not None
        person = session.get_one(Row, row.id)
        people.set_password(session, person, "another hash", but=who.session_id)
    with database.read() as session:
        assert logins.visitor(session, here) is not None
        assert logins.visitor(session, there) is None
