"""What a classifier is called, and how long its pictures stay."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import classifiers
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes
from connector.web.ui.forms import Form
from connector.web.ui.rendering import go
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.views.classifier_settings.pages import (
    DAYS,
    NEVER,
    TAB,
    classifier_settings,
    main_page,
)
from connector.web.ui.words import t

MOST_DAYS = 36_500


@classifier_settings.page(TAB, title="tabs.settings", role="member")
def show(classifier_id: str) -> ResponseReturnValue:
    """All of it."""
    return main_page(classifier_id)


@classifier_settings.action(f"{TAB}/name")
def rename(classifier_id: str) -> ResponseReturnValue:
    """Call it something else."""
    form = Form.sent()
    try:
        with services().database.write() as session:
            row = own_classifier(session, classifier_id)
            classifiers.update_classifier(session, row, name=form["name"])
    except ColabelError as error:
        form.refuse(error, {"bad_name": "name", "name_taken": "name"})
        return main_page(classifier_id, name=form)
    flashes.flash("tuning.saved")
    return go("classifier_settings.show", classifier_id=classifier_id)


@classifier_settings.action(f"{TAB}/sides")
def sides(classifier_id: str) -> ResponseReturnValue:
    """Say that left and right matter, or leave that to the evidence again."""
    matter = request.form.get("matter") == "yes"
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        classifiers.update_classifier(session, row, sides_matter=matter)
    flashes.flash("tuning.sides_said" if matter else "tuning.sides_left")
    return go("classifier_settings.show", classifier_id=classifier_id, _anchor="learning")


@classifier_settings.action(f"{TAB}/retention")
def retention(classifier_id: str) -> ResponseReturnValue:
    """Let its pictures go sooner or later than those of the others, or as they do."""
    form = Form.sent()
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        days = _days(form)
        if not form.errors:
            classifiers.update_classifier(
                session, row, retention_days=days, clear_retention=days is None
            )
    if form.errors:
        return main_page(classifier_id, retention=form)
    flashes.flash("tuning.saved")
    return go("classifier_settings.show", classifier_id=classifier_id, _anchor="retention")


def _days(form: Form) -> int | None:
    """Return after how many days, 0 for never, None for as the service does."""
    if form["keep"] == NEVER:
        return 0
    if form["keep"] != DAYS:
        return None
    text = form["days"].strip()
    if text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_DAYS:
        return int(text)
    form.wrong("days", t("tuning.bad_days", count=MOST_DAYS))
    return None
