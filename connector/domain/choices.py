"""What of a workspace can be chosen in a form: its classifiers and labels by name."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Label

# More than anybody looks through in a form; what is left out can be typed.
MOST_CLASSIFIERS, MOST_LABELS = 200, 60


def classifiers(session: Session, workspace_id: str) -> list[tuple[str, str]]:
    """Return (id, name) of the workspace's classifiers, by name."""
    statement = (
        select(Classifier.id, Classifier.name)
        .where(Classifier.workspace_id == workspace_id, Classifier.deleted_at.is_(None))
        .order_by(Classifier.name)
        .limit(MOST_CLASSIFIERS)
    )
    return [(row.id, row.name) for row in session.execute(statement)]


def labels(session: Session, workspace_id: str) -> list[str]:
    """Return the names of the workspace's labels, each once, in their order."""
    statement = (
        select(Label.name)
        .join(Classifier, Classifier.id == Label.classifier_id)
        .where(Classifier.workspace_id == workspace_id, Classifier.deleted_at.is_(None))
        .distinct()
        .order_by(Label.name)
        .limit(MOST_LABELS)
    )
    return list(session.scalars(statement))
