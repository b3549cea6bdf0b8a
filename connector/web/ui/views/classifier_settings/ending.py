"""The end of a classifier, confirmed by typing what it is called."""

from __future__ import annotations

from flask import Response
from flask.typing import ResponseReturnValue

from connector.domain import classifiers, overview
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.forms import Form
from connector.web.ui.rendering import go, page
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.views.classifier_settings.pages import TAB, classifier_settings
from connector.web.ui.words import t


@classifier_settings.page(f"{TAB}/delete", title="tuning.delete", role="member")
def ask(classifier_id: str) -> ResponseReturnValue:
    """What goes and what stays, before it is done."""
    return _page(classifier_id, Form.empty())


@classifier_settings.action(f"{TAB}/delete")
def delete(classifier_id: str) -> ResponseReturnValue:
    """Delete it, if its name was typed."""
    form = Form.sent()
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        sure = " ".join(form["name"].split()) == row.name
        if sure:
            classifiers.delete_classifier(session, row)
    if not sure:
        form.wrong("name", t("tuning.other_name", name=row.name))
        return _page(classifier_id, form)
    services().hooks.forget(classifier_id)
    flashes.flash("tuning.deleted", name=row.name)
    return go("home.show")


def _page(classifier_id: str, form: Form) -> Response:
    here = services()
    with here.database.read() as session:
        glance = overview.glance(session, visitors.workspace_id(), classifier_id)
    return page(
        "classifier/delete.html",
        status=form.status,
        classifier=glance.row,
        glance=glance,
        form=form,
        days=here.settings.retention_days
        if glance.row.retention_days is None
        else glance.row.retention_days,
    )
