"""The latest pictures of all classifiers, and the same as a file."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.web.ui.pages import Pages
from connector.web.ui.views.activity import listing

activity = Pages("activity", __name__)


@activity.page("/activity", title="activity.title")
def show() -> ResponseReturnValue:
    """The list."""
    return listing.show("activity/show.html", None)


@activity.part("/activity/rows")
def rows() -> ResponseReturnValue:
    """Its rows as they are now: the page follows what happens."""
    return listing.rows(None)


@activity.part("/activity/export")
def export() -> ResponseReturnValue:
    """All that the filters mean, as a file."""
    return listing.export(None)
