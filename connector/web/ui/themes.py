"""Light or dark: as the system has it, or as somebody chose in this browser."""

from __future__ import annotations

from typing import Literal

from flask import redirect, request
from flask.typing import ResponseReturnValue

from connector.web.ui import visitors
from connector.web.ui.pages import Pages

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
COOKIE = "colabel_theme"
YEAR = 365 * 86_400

themes = Pages("themes", __name__)


def chosen() -> Theme:
    """Return what was chosen in this browser."""
    value = request.cookies.get(COOKIE)
    return next((theme for theme in THEMES if theme == value), "auto")


@themes.action("/theme", role=None)
def choose() -> ResponseReturnValue:
    """Keep the choice in a cookie and go back to where it was made."""
    response = redirect(visitors.safe_path(request.form.get("back")), 303)
    value = request.form.get("theme", "auto")
    if value in THEMES:
        response.set_cookie(
            COOKIE,
            value,
            max_age=YEAR,
            httponly=True,
            secure=visitors.is_secure(),
            samesite="Lax",
        )
    return response
