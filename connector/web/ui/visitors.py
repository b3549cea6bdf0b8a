"""Who is looking: the session that the browser's cookie belongs to."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode, urlsplit

from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from connector.domain import logins
from connector.domain.audit_log import Actor
from connector.domain.logins import Place, Visitor
from connector.errors import Unavailable
from connector.web.services import services

SESSION_COOKIE = "colabel_session"
# The browser forgets it after this time; the database may have ended the session before.
COOKIE_SECONDS = int(logins.LONGEST.total_seconds())


def identify(*, needed: bool) -> Visitor | None:
    """Find out who is looking, once a request; None for somebody who is not logged in.

    A page for everybody (`needed` False) takes them for nobody while the database is away, for it
    may be the page that says so. Raises Unavailable otherwise.
    """
    g.visitor = None
    if token := session_token():
        try:
            g.visitor = _find(token)
        except Unavailable:
            if needed:
                raise
    return cast("Visitor | None", g.visitor)


def _find(token: str) -> Visitor | None:
    database = services().database
    with database.read() as session:
        found = logins.visitor(session, token)
    if found is not None and logins.is_due(found):
        with database.write() as session:
            logins.seen(session, found, request.remote_addr)
    return found


def session_token() -> str | None:
    """Return the token that the browser's cookie holds."""
    return request.cookies.get(SESSION_COOKIE) or None


def person() -> Visitor:
    """Return who is looking, on a page that only people who are logged in can see."""
    return cast(Visitor, g.visitor)


def visitor() -> Visitor | None:
    """Return who is looking, or None for somebody who is not logged in."""
    return cast("Visitor | None", g.get("visitor"))


def workspace_id() -> str:
    """Return the workspace that the present request may see; scope every query by it."""
    return person().workspace_id


def actor() -> Actor:
    """Return who makes the changes of the present request, for the audit log."""
    who = visitor()
    if who is None:
        return Actor("person", "somebody with a link", address=request.remote_addr)
    return Actor("person", who.name, who.person_id, request.remote_addr)


def place() -> Place:
    """Return where the present request comes from."""
    return Place(request.remote_addr, request.headers.get("User-Agent", ""))


def remember(response: Response, token: str) -> None:
    """Have the browser keep the token of a session that was just begun."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=COOKIE_SECONDS,
        httponly=True,
        secure=is_secure(),
        samesite="Lax",
    )


def forget(response: Response) -> None:
    """Have the browser drop it."""
    response.delete_cookie(SESSION_COOKIE, httponly=True, secure=is_secure(), samesite="Lax")


def is_secure() -> bool:
    """Say whether cookies may travel by https alone: where people reach the service by it."""
    return request.is_secure or services().settings.public_url.startswith("https://")


def to_login() -> ResponseReturnValue:
    """Ask somebody to log in, and to come back here afterwards."""
    if is_htmx():
        current = urlsplit(request.headers.get("HX-Current-URL", ""))
        wanted = f"{current.path}?{current.query}" if current.query else current.path
        return "", 204, {"HX-Redirect": _login_url(wanted)}
    wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(_login_url(wanted), 303)


def _login_url(wanted: str) -> str:
    base = url_for("login.show")
    wanted = safe_path(wanted)
    return base if wanted == "/" else f"{base}?{urlencode({'next': wanted})}"


def is_htmx() -> bool:
    """Say whether htmx asks, which wants a part of a page and not all of it."""
    return request.headers.get("HX-Request") == "true"


def safe_path(path: str | None) -> str:
    """Return `path` if it leads to a page of ours, else "/": links may not lead elsewhere."""
    if not path or not path.startswith("/") or path[1:2] in ("/", "\\") or not path.isprintable():
        return "/"
    return path
