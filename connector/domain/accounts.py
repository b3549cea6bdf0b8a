"""Workspaces and the keys that let somebody in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import ApiKey, Workspace
from connector.db.types import utcnow
from connector.domain import audit_log, outbound
from connector.errors import Forbidden, NotFound, Unauthorized, Unprocessable
from connector.ids import new_id, new_token

SCOPES = ("ingest", "read", "review", "subscribe", "admin")
SECRET_PREFIX = "clbl_"  # noqa: S105 - no secret, only how one begins
FIRST_WORKSPACE = "My workspace"
FIRST_KEY = "first key"


@dataclass(frozen=True)
class Principal:
    """Who is calling: a key, its workspace, and what it may do."""

    workspace_id: str
    workspace_name: str
    key_id: str
    key_name: str
    scopes: frozenset[str]


def create_workspace(session: Session, name: str) -> Workspace:
    """Make a workspace. Raises Unprocessable when the name is empty."""
    workspace = Workspace(id=new_id("ws"), name=clean_name(name, "workspace"))
    session.add(workspace)
    session.flush()
    after = {"name": workspace.name}
    audit_log.note(session, workspace.id, "workspace.created", workspace.id, after=after)
    return workspace


def find_workspace(session: Session, name_or_id: str | None = None) -> Workspace:
    """Return the workspace of that name or id; without one, the first. Raises NotFound."""
    statement = select(Workspace).order_by(Workspace.created_at, Workspace.id).limit(1)
    if name_or_id is not None:
        statement = statement.where((Workspace.name == name_or_id) | (Workspace.id == name_or_id))
    workspace = session.scalars(statement).first()
    if workspace is None:
        wanted = "no workspace yet" if name_or_id is None else f"no workspace {name_or_id!r}"
        raise NotFound(f"There is {wanted}; start `colabel up` once, it makes the first one.")
    return workspace


def create_key(
    session: Session, workspace_id: str, name: str, scopes: Sequence[str] = SCOPES
) -> tuple[ApiKey, str]:
    """Make a key; the secret is returned this once, only its SHA-256 is kept.

    Raises Unprocessable for an unknown scope, none at all, or an empty name.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        named = f"{', '.join(unknown)} is not one of them" if unknown else "none was named"
        raise Unprocessable(f"Scopes are {', '.join(SCOPES)}; {named}.", code="unknown_scope")
    secret = SECRET_PREFIX + new_token(40)
    key = ApiKey(
        id=new_id("key"),
        workspace_id=workspace_id,
        name=clean_name(name, "key"),
        hint=secret[-4:],
        secret_hash=_hash(secret),
        scopes=[scope for scope in SCOPES if scope in scopes],
    )
    session.add(key)
    session.flush()
    after = audit_log.brief(key, "name", "scopes")
    audit_log.note(session, workspace_id, "key.created", key.id, after=after)
    return key, secret


def list_keys(session: Session, workspace_id: str) -> list[ApiKey]:
    """Return the keys that still let somebody in, oldest first."""
    statement = select(ApiKey).where(
        ApiKey.workspace_id == workspace_id, ApiKey.revoked_at.is_(None)
    )
    return list(session.scalars(statement.order_by(ApiKey.created_at, ApiKey.id)))


def revoke_key(session: Session, workspace_id: str, key_id: str) -> None:
    """End a key at once, and the subscriptions made with it. Raises NotFound.

    Those of a key that may do everything stay: they are its owner's, as rules are.
    """
    key = session.get(ApiKey, key_id)
    if key is None or key.workspace_id != workspace_id or key.revoked_at is not None:
        raise NotFound(f"There is no key {key_id} here; see `colabel key list`.")
    key.revoked_at = utcnow()
    if "admin" not in key.scopes:
        outbound.end_of_key(session, workspace_id, key_id)
    before = audit_log.brief(key, "name", "scopes")
    audit_log.note(session, workspace_id, "key.revoked", key.id, before=before)
    session.flush()


def authenticate(session: Session, bearer: str) -> Principal:
    """Return whose secret this is. Raises Unauthorized.

    The look-up is by hash, so its time says nothing about how much of a guess was right.
    """
    statement = (
        select(ApiKey, Workspace.name)
        .join(Workspace, Workspace.id == ApiKey.workspace_id)
        .where(ApiKey.secret_hash == _hash(bearer), ApiKey.revoked_at.is_(None))
    )
    found = session.execute(statement).first()
    if found is None:
        raise Unauthorized(
            "This key is not valid (any more); make one with `colabel key create NAME` and send "
            "it as `Authorization: Bearer KEY`.",
            code="invalid_key",
        )
    key, workspace_name = found
    return Principal(
        workspace_id=key.workspace_id,
        workspace_name=workspace_name,
        key_id=key.id,
        key_name=key.name,
        scopes=frozenset(key.scopes),
    )


def require(principal: Principal, scope: str) -> None:
    """Raise Forbidden unless the key has that scope; `admin` includes all others."""
    if scope not in principal.scopes and "admin" not in principal.scopes:
        raise Forbidden(
            f"The key {principal.key_name!r} lacks the scope {scope!r}; make one that has it with "
            f"`colabel key create NAME --scope {scope}`.",
            code="missing_scope",
            scope=scope,
        )


def ensure_first_workspace(session: Session) -> str | None:
    """Make the first workspace and its key; return the secret, or None when there is one."""
    if session.scalars(select(Workspace.id).limit(1)).first() is not None:
        return None
    workspace = create_workspace(session, FIRST_WORKSPACE)
    return create_key(session, workspace.id, FIRST_KEY)[1]


def _hash(secret: str) -> str:
    # The secret has 200 random bits: nothing to guess, so no slow hash is needed.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def clean_name(name: str, kind: str) -> str:
    """Return a name with single spaces, for a thing of this kind. Raises Unprocessable."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > 200 or not cleaned.isprintable():
        raise Unprocessable(
            f"A {kind} needs a name of 1 to 200 printable characters.", code="bad_name"
        )
    return cleaned
