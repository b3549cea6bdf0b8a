"""Who is asking: a bearer key, and what it may do."""

from __future__ import annotations

from typing import Literal, cast

from flask import g, request

from connector.domain import accounts
from connector.domain.accounts import Principal
from connector.domain.audit_log import Actor
from connector.errors import Unauthorized
from connector.web.services import services

Scope = Literal["ingest", "read", "review", "subscribe", "admin"]
SCOPES: tuple[Scope, ...] = ("ingest", "read", "review", "subscribe", "admin")


def let_in(scope: Scope) -> None:
    """Check the request's key and its scope, before anything of the body is read.

    Raises Unauthorized or Forbidden.
    """
    with services().database.read() as session:
        who = accounts.authenticate(session, _bearer())
    accounts.require(who, scope)
    g.principal = who


def principal() -> Principal:
    """Return whose key came with the present request."""
    return cast(Principal, g.principal)


def workspace_id() -> str:
    """Return the workspace that the present request may see."""
    return principal().workspace_id


def actor() -> Actor:
    """Return who makes the changes of the present request, for the audit log.

    Where no key is asked for, a person has followed a link that is a key by itself.
    """
    who: Principal | None = g.get("principal")
    if who is None:
        return Actor("person", "somebody with a link", address=request.remote_addr)
    return Actor("key", who.key_name, who.key_id, request.remote_addr)


def _bearer() -> str:
    header = request.headers.get("Authorization", "")
    if not header:
        raise Unauthorized(
            "This address needs an API key; send it as the header Authorization: Bearer KEY "
            "(make one with: colabel key create NAME).",
            code="missing_key",
        )
    kind, _, secret = header.partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise Unauthorized(
            "The Authorization header has another form than expected; send it as "
            "Authorization: Bearer KEY.",
            code="missing_key",
        )
    return secret.strip()
