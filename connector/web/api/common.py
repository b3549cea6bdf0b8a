"""What the resources' modules share: finding the classifier, and pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from connector.db.tables import Classifier
from connector.domain import classifiers
from connector.web.auth import workspace_id
from connector.web.services import services

PREFIX = "/api/v1"
CLASSIFIER = f"{PREFIX}/classifiers/<classifier_id>"


def own_classifier(session: Session, classifier_id: str) -> Classifier:
    """Return the classifier if the caller's workspace has it. Raises NotFound."""
    return classifiers.get_classifier(session, workspace_id(), classifier_id)


def public_url() -> str:
    """Return the address that links in answers begin with."""
    return services().settings.public_url


def listed(items: Iterable[dict[str, Any]], next_cursor: str | None = None) -> dict[str, Any]:
    """Return a page as the API shows it."""
    return {"items": list(items), "next_cursor": next_cursor}
