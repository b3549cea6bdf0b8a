"""Labels that change: added, renamed, moved, merged, taken away, each with what it means."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue

from connector.domain import classifiers
from connector.domain import labels as domain
from connector.domain.labels import FATES
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes
from connector.web.ui.forms import Form
from connector.web.ui.rendering import go, page
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.views.classifier_settings.pages import TAB, classifier_settings, main_page

ONE = f"{TAB}/labels/<label_id>"
WHERE = {
    "bad_label": "name",
    "label_name_taken": "name",
    "too_many_labels": "name",
    "fixed_labels": "name",
}


@classifier_settings.action(f"{TAB}/labels")
def add(classifier_id: str) -> ResponseReturnValue:
    """Add a label, after the others."""
    form = Form.sent()
    try:
        with services().database.write() as session:
            row = own_classifier(session, classifier_id)
            made = domain.add_label(session, row, form["name"])
    except ColabelError as error:
        form.refuse(error, WHERE)
        return main_page(classifier_id, label=form)
    flashes.flash("tuning.label_added", label=made.name)
    return go("classifier_settings.show", classifier_id=classifier_id, _anchor="labels")


@classifier_settings.page(ONE, title="tuning.label", role="member")
def label(classifier_id: str, label_id: str) -> ResponseReturnValue:
    """One label: its name and place, what it can be merged into, and taking it away."""
    return _page(classifier_id, label_id)


@classifier_settings.action(f"{ONE}/change")
def change_label(classifier_id: str, label_id: str) -> ResponseReturnValue:
    """Call it otherwise, or put it elsewhere among the others."""
    form = Form.sent()
    try:
        with services().database.write() as session:
            row = own_classifier(session, classifier_id)
            found = domain.rename_label(session, row, label_id, form["name"])
            place = request.form.get("place", "")
            if place.isdecimal() and len(place) < 6 and int(place) - 1 != found.position:
                domain.move_label(session, row, label_id, max(0, int(place) - 1))
    except ColabelError as error:
        form.refuse(error, WHERE)
        return _page(classifier_id, label_id, form)
    flashes.flash("tuning.saved")
    return go("classifier_settings.show", classifier_id=classifier_id, _anchor="labels")


@classifier_settings.action(f"{ONE}/merge")
def merge_label(classifier_id: str, label_id: str) -> ResponseReturnValue:
    """Make one label of two; its pictures and rules go with it."""
    form = Form.sent()
    try:
        with services().database.write() as session:
            row = own_classifier(session, classifier_id)
            name = domain.get_label(session, row, label_id).name
            into = domain.merge_labels(session, row, label_id, form["into"])
    except ColabelError as error:
        form.refuse(error, {"same_label": "into"})
        return _page(classifier_id, label_id, form)
    flashes.flash("tuning.label_merged", label=name, into=into.name)
    return go("classifier_settings.show", classifier_id=classifier_id, _anchor="labels")


@classifier_settings.action(f"{ONE}/remove")
def remove_label(classifier_id: str, label_id: str) -> ResponseReturnValue:
    """Take it away, and unlabel or forget its pictures."""
    form = Form.sent()
    fate = next((one for one in FATES if one == form["examples"]), None)
    try:
        with services().database.write() as session:
            row = own_classifier(session, classifier_id)
            name = domain.get_label(session, row, label_id).name
            domain.remove_label(session, row, label_id, fate)
    except ColabelError as error:
        form.refuse(error, {"label_has_examples": "examples"})
        return _page(classifier_id, label_id, form)
    flashes.flash("tuning.label_removed", label=name)
    return go("classifier_settings.show", classifier_id=classifier_id, _anchor="labels")


def _page(classifier_id: str, label_id: str, form: Form | None = None) -> Response:
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        found = domain.get_label(session, row, label_id)
        count = domain.resource(session, found)["examples"]
        others = [one for one in classifiers.labels(session, row) if one.id != label_id]
    shown = form or Form.empty()
    shown.values = {"name": found.name, "place": str(found.position + 1), **shown.values}
    return page(
        "classifier/label.html",
        status=shown.status,
        classifier=row,
        label=found,
        count=count,
        choices=[(one.id, one.name) for one in others],
        form=shown,
        fixed=bool(classifiers.RECIPES[row.recipe]),
    )
