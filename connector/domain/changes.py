"""What a model could learn has changed: counted, so that training knows what it has not seen."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import Classifier


def hold(session: Session, classifier_id: str) -> Classifier:
    """Return the classifier as it is now, its labels and examples to this transaction alone.

    Whoever labels pictures or changes labels takes it first, before any example: so a label cannot
    go while a picture gets it, and nobody waits in a circle. Pictures go on coming in meanwhile.
    """
    return session.get_one(
        Classifier,
        classifier_id,
        # Leaves those alone who only refer to the classifier. SQLite's writers take turns anyway.
        with_for_update={"key_share": True},
        populate_existing=True,
    )


def note(session: Session, classifier_id: str, count: int = 1) -> None:
    """Add `count` to what the live model does not know. The clock decides when to train."""
    if count < 1:
        return
    session.execute(
        update(Classifier)
        .where(Classifier.id == classifier_id)
        .values(changes=Classifier.changes + count, changed_at=now(session))
    )
