"""One-time links: make the owner's account, accept an invitation, choose a new password.

Looking at one changes nothing, for mail programs and chats look at links by themselves; what it is
for is done once, by whoever sends its form first.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from connector.db.tables import OneTimeLink, Person
from connector.db.types import utcnow
from connector.domain import audit_log, people
from connector.domain.logins import token_hash
from connector.errors import Conflict, Gone, NotFound
from connector.ids import new_id, new_token

FIRST_OWNER, INVITE, RESET = "owner", "invite", "reset"
LIFETIMES = {
    FIRST_OWNER: timedelta(days=7),
    INVITE: timedelta(days=7),
    RESET: timedelta(hours=24),
}


class Made(NamedTuple):
    """A link that was just made; `token` is shown this once, only its hash is kept."""

    link: OneTimeLink
    token: str

    @property
    def path(self) -> str:
        """The address below the service's own."""
        return f"/link/{self.token}"


def for_owner(session: Session, workspace_id: str) -> Made:
    """Make the link for an owner's account; earlier ones end."""
    return _make(session, workspace_id, FIRST_OWNER, role=people.OWNER)


def first_owner(session: Session, workspace_id: str) -> Made | None:
    """Make that link while nobody owns the workspace, else return None."""
    return None if people.has_owner(session, workspace_id) else for_owner(session, workspace_id)


def invite(session: Session, workspace_id: str, email: str, role: str) -> Made:
    """Invite somebody; an earlier invitation of the same address ends.

    Raises Unprocessable for a bad address or role, Conflict (email_taken) for a known one.
    """
    email = people.normal_email(email)
    if session.scalars(select(Person).where(Person.email == email)).first() is not None:
        raise Conflict(
            f"Somebody with the address {email} has an account here already.", code="email_taken"
        )
    return _make(session, workspace_id, INVITE, email=email, role=people.check_role(role))


def reset(session: Session, person: Person) -> Made:
    """Make the link for a new password of this person. Raises Conflict (person_disabled)."""
    if person.disabled_at is not None:
        raise Conflict(
            f"{person.name} is shut out; let them in again first.", code="person_disabled"
        )
    return _make(session, person.workspace_id, RESET, email=person.email, person_id=person.id)


def look(session: Session, token: str) -> OneTimeLink:
    """Return the link of this token, unchanged. Raises NotFound, Gone."""
    statement = select(OneTimeLink).where(OneTimeLink.token_hash == token_hash(token))
    link = session.scalars(statement).first()
    if link is None:
        raise NotFound(
            "This link is not one we gave; look whether it was copied whole.", code="unknown_link"
        )
    if link.used_at is not None:
        raise Gone("This link was used already; it works once. Log in instead.", code="link_used")
    if link.revoked_at is not None or link.expires_at <= utcnow():
        raise Gone(
            "This link does not work any more; ask whoever sent it for a new one.",
            code="link_expired",
        )
    return link


def accept(
    session: Session, token: str, *, name: str, password_hash: str, email: str | None = None
) -> Person:
    """Make the account that a link is for; the owner's own address is given with it.

    Raises NotFound, Gone, Unprocessable, Conflict.
    """
    link = _take(session, token, FIRST_OWNER, INVITE)
    return people.add(
        session,
        link.workspace_id,
        email=link.email or email or "",
        name=name,
        password_hash=password_hash,
        role=link.role or people.REVIEWER,
    )


def choose_password(session: Session, token: str, password_hash: str) -> Person:
    """Keep the new password that a link is for. Raises NotFound, Gone."""
    link = _take(session, token, RESET)
    person = people.get(session, link.workspace_id, link.person_id or "")
    if person.disabled_at is not None:
        raise Gone("This account is closed; ask an owner of the workspace.", code="link_expired")
    people.set_password(session, person, password_hash)
    return person


def list_invitations(session: Session, workspace_id: str) -> list[OneTimeLink]:
    """Return the invitations that nobody has accepted yet, the newest first."""
    statement = _open(workspace_id).where(OneTimeLink.purpose == INVITE)
    return list(session.scalars(statement.order_by(OneTimeLink.id.desc())))


def withdraw(session: Session, workspace_id: str, link_id: str) -> None:
    """Take an invitation back. Raises NotFound."""
    link = session.scalars(_open(workspace_id).where(OneTimeLink.id == link_id)).first()
    if link is None:
        raise NotFound("This invitation was accepted, taken back or ran out already.")
    link.revoked_at = utcnow()
    before = {"purpose": link.purpose, "email": link.email, "role": link.role}
    audit_log.note(session, workspace_id, "link.withdrawn", link.id, before=before)
    session.flush()


def _open(workspace_id: str) -> Select[OneTimeLink]:
    return select(OneTimeLink).where(
        OneTimeLink.workspace_id == workspace_id,
        OneTimeLink.used_at.is_(None),
        OneTimeLink.revoked_at.is_(None),
        OneTimeLink.expires_at > utcnow(),
    )


def _make(
    session: Session,
    workspace_id: str,
    purpose: str,
    *,
    email: str | None = None,
    role: str | None = None,
    person_id: str | None = None,
) -> Made:
    moment, token = utcnow(), new_token(40)
    for earlier in session.scalars(
        _open(workspace_id).where(OneTimeLink.purpose == purpose, OneTimeLink.email == email)
    ):
        earlier.revoked_at = moment
    link = OneTimeLink(
        id=new_id("lnk"),
        workspace_id=workspace_id,
        purpose=purpose,
        token_hash=token_hash(token),
        email=email,
        role=role,
        person_id=person_id,
        created_at=moment,
        expires_at=moment + LIFETIMES[purpose],
    )
    session.add(link)
    session.flush()
    after = {"purpose": purpose, "email": email, "role": role}
    audit_log.note(session, workspace_id, "link.created", link.id, after=after)
    return Made(link, token)


def _take(session: Session, token: str, *purposes: str) -> OneTimeLink:
    """Use a link up, in one conditional step: of two people at once, one wins."""
    link = look(session, token)
    if link.purpose not in purposes:
        raise NotFound("This link is for something else; open it again.", code="unknown_link")
    taken = session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
        .values(used_at=utcnow())
        .returning(OneTimeLink.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if taken is None:
        raise Gone("This link was used already; it works once. Log in instead.", code="link_used")
    session.refresh(link)
    return link
