"""Errors as a person sees them: the same sentence that a program gets, on a page or in a part."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, g, request

from connector.web.ui import rendering, security, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.words import catalogue, t

MACHINES = ("/api/", "/hooks/", "/slack/", "/healthz", "/readyz", "/metrics", "/static/")


def wants_page() -> bool:
    """Say whether the present request is somebody's who looks at pages, not a program's."""
    if request.blueprint is not None:
        return isinstance(current_app.blueprints.get(request.blueprint), Pages)
    if request.path.startswith(MACHINES):
        return False
    return "text/html" in request.headers.get("Accept", "")


def error_page(document: dict[str, Any], headers: dict[str, str]) -> Response:
    """Return the page for a problem document, or the sentence alone where htmx asked."""
    if "visitor" not in g:
        # No page was found at the address, so nobody has asked yet who is looking.
        visitors.identify(needed=False)
    status = int(document["status"])
    context: dict[str, Any] = {
        "title": _title(document),
        "detail": _detail(document),
        "error_id": document.get("error_id"),
    }
    if visitors.is_htmx():
        response = rendering.part("parts/error.html", status=status, **context)
        # Whatever the part was meant for, the error goes where it can be read.
        response.headers["HX-Retarget"] = "#messages"
        response.headers["HX-Reswap"] = "innerHTML show:window:top"
    else:
        response = rendering.page("error.html", status=status, **context)
    response.headers.update(headers)
    response.headers.pop("WWW-Authenticate", None)
    return security.harden(response)


def _title(document: dict[str, Any]) -> str:
    key = f"errors.title_{document['status']}"
    return t(key) if key in catalogue() else str(document["title"])


def _detail(document: dict[str, Any]) -> str:
    """Return the sentence; those of unknown addresses speak of the API otherwise."""
    key = f"errors.{document['code']}"
    if document["code"] in ("no_such_address", "method_not_allowed", "not_found"):
        return t("errors.no_page")
    return t(key) if key in catalogue() else str(document["detail"])
