"""A new classifier, begun with the one question: what should colabel do with your pictures?"""

from __future__ import annotations

import re

from flask.typing import ResponseReturnValue

from connector.domain import classifiers
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, page

new = Pages("new", __name__)
# What a person chooses -> the recipe that does it. To watch is to say yes or no, and a rule that
# tells somebody, which comes after it has learned what to watch for.
CHOICES = {
    "sort": ("sort", "sort"),
    "yes_no": ("yes_no", "yesno"),
    "orientation": ("orientation", "turn"),
    "watch": ("yes_no", "bell"),
}
WHERE = {
    "bad_name": "name",
    "name_taken": "name",
    "bad_label": "labels",
    "too_many_labels": "labels",
}


@new.page("/classifiers/new", title="new.title", role="member")
def show() -> ResponseReturnValue:
    """The question, with what each answer is good for."""
    return _page(Form.empty(kind="sort"))


@new.action("/classifiers/new")
def make() -> ResponseReturnValue:
    """Make it, and lead on to its page."""
    form = Form.sent()
    recipe, _ = CHOICES.get(form["kind"], CHOICES["sort"])
    labels = _labels(form["labels"]) if recipe == "sort" else ()
    try:
        with services().database.write() as session:
            made = classifiers.create_classifier(
                session, visitors.workspace_id(), name=form["name"], recipe=recipe, labels=labels
            )
    except ColabelError as error:
        form.refuse(error, WHERE)
        return _page(form)
    flashes.flash(f"new.made_{form['kind']}" if form["kind"] == "watch" else "new.made")
    return go("classifier.show", classifier_id=made.id)


def _labels(text: str) -> list[str]:
    """Return the names between commas and line breaks."""
    return [name.strip() for name in re.split(r"[,;\n]", text) if name.strip()]


def _page(form: Form) -> ResponseReturnValue:
    return page("front/new.html", status=form.status, form=form, choices=CHOICES)
