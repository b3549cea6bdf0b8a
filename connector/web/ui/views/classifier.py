"""A classifier's first page: what it is, how it is, and the next best thing to do."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Classifier
from connector.domain import classifiers, facts, next_steps, overview, training
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes, navigation, reports, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, live, page

classifier = Pages("classifier", __name__)
# Where the next step leads, by its code; pages that are not there yet are left out.
WAYS = {
    "add_pictures": "pictures.show",
    "more_labels": "pictures.show",
    "more_upright": "pictures.show",
    "label": "pictures.show",
    "answer": "classifier_review.show",
    "advice": "quality.show",
    "connect": "automate.show",
}


@classifier.page("/classifiers/<classifier_id>", title="tabs.overview")
def show(classifier_id: str) -> ResponseReturnValue:
    """The whole of it."""
    return page("classifier/overview.html", **_seen(classifier_id))


@classifier.part("/classifiers/<classifier_id>/state")
def state(classifier_id: str) -> ResponseReturnValue:
    """How it is now, for the page to keep itself up to date."""
    return live("classifier/state.html", **_seen(classifier_id))


@classifier.action("/classifiers/<classifier_id>/train")
def train(classifier_id: str) -> ResponseReturnValue:
    """Train now, whatever it would do by itself."""
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        try:
            training.request_run(session, row)
        except ColabelError as error:
            if error.code != "not_enough_examples":
                raise
            flashes.flash("overview.too_few", "bad")
    return go("classifier.show", classifier_id=classifier_id)


def own_classifier(session: Session, classifier_id: str) -> Classifier:
    """Return the classifier if it is of the visitor's workspace. Raises NotFound."""
    return classifiers.get_classifier(session, visitors.workspace_id(), classifier_id)


def _seen(classifier_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        glance = overview.glance(session, visitors.workspace_id(), classifier_id)
        hook = classifiers.source(session, glance.row, classifiers.HOOK)
        notice = facts.weights_notice(session)
    report = reports.of_version(glance.live)
    step = next_steps.next_step(glance, report)
    return {
        "classifier": glance.row,
        "glance": glance,
        "report": report,
        "step": step,
        "way": _way(step.code, classifier_id),
        "hook_url": f"{services().settings.public_url}/hooks/{hook.token}",
        "notice": notice,
    }


def _way(code: str, classifier_id: str) -> str | None:
    endpoint = WAYS.get(code)
    if endpoint is None or not navigation.exists(endpoint):
        return None
    return url_for(endpoint, classifier_id=classifier_id)
