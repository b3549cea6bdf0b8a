"""Groups of look-alikes among the pictures without a label, to be labelled at one go."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue

from connector.domain import classifiers, groups, labellings, studies
from connector.domain.longwork import UNFINISHED
from connector.web.services import services
from connector.web.ui import visitors
from connector.web.ui.rendering import go, live, page
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.views.pictures.pages import RULE, pictures, shared


@pictures.page(f"{RULE}/groups", title="groups.title")
def alike(classifier_id: str) -> ResponseReturnValue:
    """The groups that were found last, those that still wait for a label."""
    return page("pictures/groups.html", **_groups(classifier_id))


@pictures.part(f"{RULE}/groups/state")
def alike_state(classifier_id: str) -> ResponseReturnValue:
    """The same while they are being looked for."""
    return live("pictures/groups_state.html", **_groups(classifier_id))


@pictures.action(f"{RULE}/groups", role="reviewer")
def look(classifier_id: str) -> ResponseReturnValue:
    """Have a worker look for groups anew."""
    with services().database.write() as session:
        groups.request(session, own_classifier(session, classifier_id))
    return go("pictures.alike", classifier_id=classifier_id)


def _groups(classifier_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        study = studies.last(session, classifier, studies.GROUPS, groups.PARAMS)
        return {
            **shared(classifier),
            "study": study,
            "busy": study is not None and study.status in UNFINISHED,
            "found": groups.waiting(session, classifier, study),
            "labels": classifiers.labels(session, classifier),
            "unlabelled": classifiers.unlabelled_count(session, classifier),
            "last": labellings.last(session, classifier, visitors.person().person_id),
        }
