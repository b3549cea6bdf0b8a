"""The tab Automate: where pictures come from, and what is done with them."""

from connector.web.ui.views.automate import (
    connect,
    editor,
    overview,
    rehearsals,
    rules,
    sources,
    testing,
)
from connector.web.ui.views.automate.pages import automate

__all__ = [
    "automate",
    "connect",
    "editor",
    "overview",
    "rehearsals",
    "rules",
    "sources",
    "testing",
]
