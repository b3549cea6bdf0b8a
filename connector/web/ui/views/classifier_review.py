"""The questions of one classifier."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.web.services import services
from connector.web.ui import desk
from connector.web.ui.pages import Pages
from connector.web.ui.views.classifier import own_classifier

classifier_review = Pages("classifier_review", __name__)


@classifier_review.page("/classifiers/<classifier_id>/review", title="review.title")
def show(classifier_id: str) -> ResponseReturnValue:
    """The next one."""
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
    return desk.show("review/of_classifier.html", classifier_id, classifier=row)
