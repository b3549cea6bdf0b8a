"""/settings: leads to the first of its pages."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go

settings = Pages("settings", __name__)


@settings.page("/settings", title="settings.title")
def show() -> ResponseReturnValue:
    """Everybody has an account; the rest depends on what one may."""
    return go("account.show")
