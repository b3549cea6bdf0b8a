"""That a form is one of our own pages', and what browsers may do with our pages."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from flask import Response, current_app, g, request

from connector.errors import Forbidden
from connector.ids import new_token
from connector.secret_key import secret_key
from connector.web.services import services
from connector.web.ui import visitors
from connector.web.ui.words import t

FIELD, HEADER = "csrf", "X-Csrf-Token"
# Somebody who is not logged in has no session that a form could be tied to.
VISIT_COOKIE = "colabel_visit"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # With no-referrer, browsers would not say where a form comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


def harden(response: Response) -> Response:
    """Add what a page is to be guarded by, unless its view set something else."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if "new_visit" in g:
        response.set_cookie(
            VISIT_COOKIE, g.new_visit, httponly=True, secure=visitors.is_secure(), samesite="Lax"
        )
    return response


def csrf_token() -> str:
    """Return what every form carries along to show that it is ours, and this browser's."""
    if visitors.visitor() is not None:
        return _sealed(f"session {visitors.session_token()}")
    visit = request.cookies.get(VISIT_COOKIE) or g.get("new_visit")
    if not visit:
        g.new_visit = visit = new_token(32)
    return _sealed(f"visit {visit}")


def check_form() -> None:
    """Raise Forbidden (foreign_form) for a form that is not of our pages, in this browser."""
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    right = csrf_token()
    if not _from_here() or not hmac.compare_digest(given.encode(), right.encode()):
        raise Forbidden(t("errors.foreign_form"), code="foreign_form")


def _from_here() -> bool:
    """Whether the browser says that a page of ours sent this; old ones say nothing."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    host = urlsplit(origin).netloc
    return host in (request.host, urlsplit(services().settings.public_url).netloc)


def _sealed(text: str) -> str:
    return hmac.new(secret().encode(), f"csrf {text}".encode(), hashlib.sha256).hexdigest()


def secret() -> str:
    """Return the service's secret, read once a process."""
    kept: dict[str, str] = current_app.extensions.setdefault("colabel.secret", {})
    if "key" not in kept:
        kept["key"] = secret_key(services().settings)
    return kept["key"]
