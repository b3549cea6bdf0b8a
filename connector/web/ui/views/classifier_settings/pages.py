"""The blueprint of a classifier's settings, and the page that its modules come back to."""

from __future__ import annotations

from flask import Response

from connector.domain import classifiers, labels, promises, versions
from connector.web.services import services
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import page
from connector.web.ui.views.classifier import own_classifier

classifier_settings = Pages("classifier_settings", __name__)
TAB = "/classifiers/<classifier_id>/settings"
# As the service does, never, or after some days.
SERVICE, NEVER, DAYS = "service", "never", "days"


def main_page(
    classifier_id: str,
    *,
    name: Form | None = None,
    label: Form | None = None,
    retention: Form | None = None,
) -> Response:
    """Return the page of settings; a form that was refused comes back as it was left."""
    here = services()
    with here.database.read() as session:
        row = own_classifier(session, classifier_id)
        listed = labels.resources(session, row)
        live = versions.live(session, row)
    forms = [form for form in (name, label, retention) if form is not None]
    return page(
        "classifier/settings.html",
        status=next((form.status for form in forms if form.status != 200), 200),
        classifier=row,
        labels=listed,
        fixed=bool(classifiers.RECIPES[row.recipe]),
        promise=promises.describe(row.promise),
        audit_share=promises.audit_share(row),
        mirrored=None if live is None else live.card.get("mirrored"),
        default_days=here.settings.retention_days,
        name_form=name or Form.empty(name=row.name),
        label_form=label or Form.empty(),
        retention_form=retention or _retention_of(row.retention_days),
    )


def _retention_of(days: int | None) -> Form:
    if days is None:
        return Form.empty(keep=SERVICE)
    return Form.empty(keep=DAYS, days=str(days)) if days else Form.empty(keep=NEVER)
