"""People of a workspace: who they are, what they may do, and taking that back."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector.db.session import alone
from connector.db.tables import Person
from connector.db.types import utcnow
from connector.domain import audit_log, logins
from connector.domain.accounts import clean_name
from connector.errors import Conflict, NotFound, Unprocessable
from connector.ids import new_id

OWNER, MEMBER, REVIEWER = "owner", "member", "reviewer"
# From the least to the most that one may do.
ROLES = (REVIEWER, MEMBER, OWNER)
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")
_AUDITED = ("name", "email", "role")


def may(role: str, wanted: str) -> bool:
    """Say whether somebody of this role may do what the role `wanted` may."""
    return ROLES.index(role) >= ROLES.index(wanted)


def normal_email(email: str) -> str:
    """Return the address as it is kept and compared. Raises Unprocessable (bad_email)."""
    cleaned = email.strip().casefold()
    if not _EMAIL.fullmatch(cleaned) or not cleaned.isprintable():
        raise Unprocessable(
            "This is no e-mail address; it looks like name@example.com.", code="bad_email"
        )
    return cleaned


def check_role(role: str) -> str:
    """Return the role. Raises Unprocessable (unknown_role)."""
    if role not in ROLES:
        raise Unprocessable(f"A role is one of {', '.join(ROLES)}.", code="unknown_role")
    return role


def add(
    session: Session, workspace_id: str, *, email: str, name: str, password_hash: str, role: str
) -> Person:
    """Make a person. Raises Unprocessable for a bad value, Conflict for a known address."""
    person = Person(
        id=new_id("prs"),
        workspace_id=workspace_id,
        email=normal_email(email),
        name=clean_name(name, "person"),
        password_hash=password_hash,
        role=check_role(role),
    )
    taken = select(Person.id).where(Person.email == person.email)
    if session.execute(taken).first() is not None:
        raise _known(person.email)
    session.add(person)
    try:
        session.flush()
    except IntegrityError as error:  # somebody else was quicker, in another transaction
        raise _known(person.email) from error
    after = audit_log.brief(person, *_AUDITED)
    audit_log.note(session, workspace_id, "person.created", person.id, after=after)
    return person


def _known(email: str) -> Conflict:
    return Conflict(
        f"Somebody with the address {email} has an account here already; log in with it.",
        code="email_taken",
    )


def get(session: Session, workspace_id: str, person_id: str) -> Person:
    """Return a person of this workspace. Raises NotFound."""
    person = session.get(Person, person_id)
    if person is None or person.workspace_id != workspace_id:
        raise NotFound(f"There is no person {person_id} here.")
    return person


def find(session: Session, workspace_id: str, id_or_email: str) -> Person:
    """Return the person of that id or address. Raises NotFound with a way on."""
    for person in list_people(session, workspace_id):
        if id_or_email.casefold() in (person.id, person.email):
            return person
    raise NotFound(f"There is no person {id_or_email!r} here; see `colabel person list`.")


def list_people(session: Session, workspace_id: str) -> list[Person]:
    """Return everybody of the workspace, those who were shut out as well, oldest first."""
    statement = select(Person).where(Person.workspace_id == workspace_id)
    return list(session.scalars(statement.order_by(Person.created_at, Person.id)))


def has_owner(session: Session, workspace_id: str) -> bool:
    """Say whether somebody can look after the workspace by its pages."""
    return bool(_owners(session, workspace_id))


def _owners(session: Session, workspace_id: str) -> int:
    statement = select(func.count(Person.id)).where(
        Person.workspace_id == workspace_id, Person.role == OWNER, Person.disabled_at.is_(None)
    )
    return session.execute(statement).scalar_one()


def rename(session: Session, person: Person, name: str) -> None:
    """Give a person another name. Raises Unprocessable."""
    before = audit_log.brief(person, "name")
    person.name = clean_name(name, "person")
    after = audit_log.brief(person, "name")
    _note(session, person, "person.changed", before=before, after=after)


def change_role(session: Session, person: Person, role: str) -> None:
    """Let a person do more or less. Raises Unprocessable, Conflict (last_owner)."""
    check_role(role)
    if role != OWNER:
        _keep_an_owner(session, person)
    before = audit_log.brief(person, "role")
    person.role = role
    _note(session, person, "person.changed", before=before, after={"role": role})


def disable(session: Session, person: Person) -> None:
    """Shut a person out at once: their sessions end and no password lets them in.

    What they did stays. Raises Conflict (last_owner).
    """
    _keep_an_owner(session, person)
    if person.disabled_at is not None:
        return
    person.disabled_at = utcnow()
    logins.end_sessions(session, person.id)
    _note(session, person, "person.disabled", before=audit_log.brief(person, *_AUDITED))


def enable(session: Session, person: Person) -> None:
    """Let a person in again, with the password that they had."""
    if person.disabled_at is not None:
        person.disabled_at = None
        _note(session, person, "person.enabled", after=audit_log.brief(person, *_AUDITED))


def set_password(session: Session, person: Person, password_hash: str, *, but: str = "") -> None:
    """Keep a new password; all sessions but the one with the id `but` end."""
    person.password_hash = password_hash
    logins.end_sessions(session, person.id, but=but)
    _note(session, person, "person.password_changed", after={"email": person.email})


def _keep_an_owner(session: Session, person: Person) -> None:
    # Two owners who take the role from each other at the same moment must not both succeed.
    alone(session, f"owners of {person.workspace_id}")
    session.refresh(person)
    sole = person.role == OWNER and person.disabled_at is None
    if sole and _owners(session, person.workspace_id) <= 1:
        raise Conflict(
            f"{person.name} is the only owner; make somebody else an owner first.",
            code="last_owner",
        )


def _note(session: Session, person: Person, what: str, **values: Any) -> None:
    session.flush()
    audit_log.note(session, person.workspace_id, what, person.id, **values)
