"""The blueprint of the tab Automate, and what its modules share."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Source
from connector.domain import source_names
from connector.web.services import services
from connector.web.ui.pages import Pages
from connector.web.ui.views.classifier import own_classifier

automate = Pages("automate", __name__)
TAB = "/classifiers/<classifier_id>/automate"
RULES, SOURCES = f"{TAB}/rules", f"{TAB}/sources"
RULE, SOURCE = f"{RULES}/<rule_id>", f"{SOURCES}/<source_id>"


def own_source(session: Session, classifier_id: str, source_id: str) -> tuple[Classifier, Source]:
    """Return the classifier and its source. Raises NotFound."""
    classifier = own_classifier(session, classifier_id)
    return classifier, source_names.get_source(session, classifier, source_id)


def change_source(
    classifier_id: str, source_id: str, change: Callable[[Session, Classifier, Source], None]
) -> None:
    """Change a source in a transaction of its own, and let this process look it up anew."""
    with services().database.write() as session:
        change(session, *own_source(session, classifier_id, source_id))
    services().hooks.forget(classifier_id)
