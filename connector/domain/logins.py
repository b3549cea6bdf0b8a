"""Logging in, and the sessions of browsers that are logged in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from connector import passwords
from connector.db import Database
from connector.db.tables import Person, PersonSession, Workspace
from connector.db.types import utcnow
from connector.domain import audit_log, throttles
from connector.domain.audit_log import Actor
from connector.errors import NotFound, Unauthorized
from connector.ids import new_id, new_token

# A session that is not used ends after the first, and any after the second.
IDLE, LONGEST = timedelta(days=14), timedelta(days=90)
# Seen again within so long is not written down: a page would otherwise be a write.
SEEN = timedelta(minutes=5)
# So long one can still see that a session was there.
KEPT = timedelta(days=30)
MAX_AGENT = 300


@dataclass(frozen=True)
class Visitor:
    """Whoever a session belongs to, as it is now."""

    session_id: str
    person_id: str
    name: str
    email: str
    role: str
    workspace_id: str
    workspace_name: str
    last_seen_at: datetime


@dataclass(frozen=True)
class Place:
    """Where somebody logs in: the network address and what the browser says of itself."""

    address: str | None = None
    user_agent: str = ""


def log_in(database: Database, email: str, password: str, place: Place) -> str:
    """Return the token of a new session.

    Comparing the password takes its time, so no connection is held meanwhile. Raises Unauthorized
    (wrong_login, the same whether the address is known or not), TooMany (too_many_logins).
    """
    email = email.strip().casefold()
    with database.write() as session:
        person = session.scalars(select(Person).where(Person.email == email)).first()
        limits = _limits(session, email, person, place)
        throttles.attempt(session, limits)
        throttles.forget_old(session)
    # Somebody who was shut out learns no more than a stranger.
    kept = None if person is None or person.disabled_at is not None else person.password_hash
    if not passwords.matches(kept, password) or person is None or kept is None:
        raise Unauthorized(
            "The e-mail address or the password is not right; check both. Forgotten? An owner "
            "can make you a link for a new password, at Settings, People.",
            code="wrong_login",
        )
    fresh = passwords.hashed(password) if passwords.is_outdated(kept) else None
    with database.write() as session:
        throttles.succeeded(session, limits)
        row = session.get_one(Person, person.id)
        if fresh is not None and row.password_hash == kept:
            row.password_hash = fresh
        return begin_session(session, row, place)


def _limits(
    session: Session, email: str, person: Person | None, place: Place
) -> list[throttles.Limit]:
    address = place.address or "unknown"
    account = throttles.of_email(email)
    if person is not None and place.address is not None and _was_here(session, person, address):
        account = throttles.of_known(email, address)
    return [account, throttles.of_address(address)]


def _was_here(session: Session, person: Person, address: str) -> bool:
    statement = select(PersonSession.id).where(
        PersonSession.person_id == person.id, PersonSession.address == address
    )
    return session.execute(statement.limit(1)).first() is not None


def confirm(database: Database, who: Visitor, password: str, address: str | None) -> None:
    """Check the password of somebody who is logged in, before what a stranger must not do.

    Raises Unauthorized (wrong_login), TooMany (too_many_logins).
    """
    limits = [throttles.of_known(who.email, address or "unknown")]
    with database.write() as session:
        throttles.attempt(session, limits)
        kept = session.get_one(Person, who.person_id).password_hash
    if not passwords.matches(kept, password):
        raise Unauthorized("This is not your present password.", code="wrong_login")
    with database.write() as session:
        throttles.succeeded(session, limits)


def begin_session(session: Session, person: Person, place: Place) -> str:
    """Log a person in; return the token for the cookie, of which only the hash is kept."""
    moment, token = utcnow(), new_token(40)
    row = PersonSession(
        id=new_id("ses"),
        person_id=person.id,
        token_hash=token_hash(token),
        user_agent=place.user_agent[:MAX_AGENT],
        address=place.address,
        created_at=moment,
        last_seen_at=moment,
        expires_at=moment + IDLE,
    )
    session.add(row)
    session.execute(delete(PersonSession).where(PersonSession.expires_at < moment - KEPT))
    session.flush()
    with audit_log.acting(Actor("person", person.name, person.id, place.address)):
        audit_log.note(session, person.workspace_id, "person.logged_in", person.id)
    return token


def visitor(session: Session, token: str) -> Visitor | None:
    """Return whose session this is, or None when it has ended or never was."""
    statement = (
        select(PersonSession, Person, Workspace.name)
        .join(Person, Person.id == PersonSession.person_id)
        .join(Workspace, Workspace.id == Person.workspace_id)
        .where(
            PersonSession.token_hash == token_hash(token),
            PersonSession.revoked_at.is_(None),
            PersonSession.expires_at > utcnow(),
            Person.disabled_at.is_(None),
        )
    )
    found = session.execute(statement).first()
    if found is None:
        return None
    row, person, workspace_name = found
    return Visitor(
        session_id=row.id,
        person_id=person.id,
        name=person.name,
        email=person.email,
        role=person.role,
        workspace_id=person.workspace_id,
        workspace_name=workspace_name,
        last_seen_at=row.last_seen_at,
    )


def is_due(who: Visitor) -> bool:
    """Say whether it is time to note that they were seen."""
    return utcnow() - who.last_seen_at > SEEN


def seen(session: Session, who: Visitor, address: str | None) -> None:
    """Note that a session is in use, which keeps it from running out."""
    row = session.get(PersonSession, who.session_id)
    if row is not None:
        moment = utcnow()
        row.last_seen_at = moment
        row.expires_at = min(moment + IDLE, row.created_at + LONGEST)
        row.address = address


def list_sessions(session: Session, person_id: str) -> list[PersonSession]:
    """Return the sessions that let a person in, the one used last first."""
    statement = select(PersonSession).where(
        PersonSession.person_id == person_id,
        PersonSession.revoked_at.is_(None),
        PersonSession.expires_at > utcnow(),
    )
    return list(session.scalars(statement.order_by(PersonSession.last_seen_at.desc())))


def end_session(session: Session, person_id: str, session_id: str) -> None:
    """End one session of a person at once. Raises NotFound."""
    row = session.get(PersonSession, session_id)
    if row is None or row.person_id != person_id or row.revoked_at is not None:
        raise NotFound("This session has ended already.")
    row.revoked_at = utcnow()
    person = session.get_one(Person, person_id)
    audit_log.note(session, person.workspace_id, "session.ended", row.id)
    session.flush()


def end_sessions(session: Session, person_id: str, *, but: str = "") -> None:
    """End all sessions of a person at once, except the one with the id `but`."""
    session.execute(
        update(PersonSession)
        .where(
            PersonSession.person_id == person_id,
            PersonSession.id != but,
            PersonSession.revoked_at.is_(None),
        )
        .values(revoked_at=utcnow())
        .execution_options(synchronize_session=False)
    )


def token_hash(token: str) -> str:
    """Return what is kept of a token: it has 200 random bits, so a plain hash will do."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
