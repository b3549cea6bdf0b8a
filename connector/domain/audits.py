"""Looking answers over that stand already: what it tells of the error in the field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Prediction, Review
from connector.domain import classifiers, outbound


@dataclass(frozen=True)
class Counted:
    """Audits that a person answered, and how many of those found the answer wrong."""

    answered: int
    wrong: int


def count(session: Session, classifier: Classifier) -> Counted:
    """Count the audits of answers given since the promise in force was made.

    Those of all versions since: people were promised something, not a version was.
    """
    # Who says that it is none of the labels finds the answer wrong and has no better one.
    wrong = or_(Prediction.corrected_label.is_not(None), Review.label.is_(None))
    statement = (
        select(func.count(Review.id), func.count(case((wrong, 1))))
        .join(Prediction, Prediction.id == Review.prediction_id)
        .where(
            Prediction.classifier_id == classifier.id,
            Review.kind == "audit",
            Review.state == "answered",
        )
    )
    if since := classifier.promise.get("since"):
        statement = statement.where(Review.created_at >= datetime.fromisoformat(since))
    return Counted(*session.execute(statement).one())


def tell(session: Session, classifier: Classifier, verdict: str, public_url: str) -> None:
    """Tell subscribers that a promise may hold no more ("warning") or is broken ("broken")."""
    shown = classifiers.summary(session, classifier, public_url)
    outbound.emit(session, classifier.workspace_id, f"promise.{verdict}", shown)
