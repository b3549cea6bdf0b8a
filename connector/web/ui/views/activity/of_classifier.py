"""The latest pictures of one classifier, and the same as a file."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.web.ui.pages import Pages
from connector.web.ui.views.activity import listing

classifier_activity = Pages("classifier_activity", __name__)
TAB = "/classifiers/<classifier_id>/activity"


@classifier_activity.page(TAB, title="activity.title")
def show(classifier_id: str) -> ResponseReturnValue:
    """The list."""
    return listing.show("activity/of_classifier.html", classifier_id)


@classifier_activity.part(f"{TAB}/rows")
def rows(classifier_id: str) -> ResponseReturnValue:
    """Its rows as they are now: the page follows what happens."""
    return listing.rows(classifier_id)


@classifier_activity.part(f"{TAB}/export")
def export(classifier_id: str) -> ResponseReturnValue:
    """All that the filters mean, as a file."""
    return listing.export(classifier_id)
