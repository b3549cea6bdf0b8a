"""Pictures that were handed on from classifier to classifier: where one came from, and how far."""

from __future__ import annotations

from sqlalchemy.orm import Session

from connector.db.tables import Action, Prediction
from connector.errors import ActionFailed

PREFIX = "action:"
MAX_HOPS = 5


def key(action: Action) -> str:
    """Return the idempotency key under which this action hands a picture on."""
    return f"{PREFIX}{action.id}"


def parent(session: Session, prediction: Prediction) -> Prediction | None:
    """Return the prediction whose action handed this picture on, or None."""
    given = prediction.idempotency_key or ""
    action = session.get(Action, given.removeprefix(PREFIX)) if given.startswith(PREFIX) else None
    if action is None or action.workspace_id != prediction.workspace_id:
        return None
    return session.get(Prediction, action.prediction_id)


def check(session: Session, prediction: Prediction) -> None:
    """Raise ActionFailed when the picture went through too many classifiers: rules in a circle."""
    current: Prediction | None = prediction
    for _ in range(MAX_HOPS):
        current = parent(session, current) if current is not None else None
        if current is None:
            return
    raise ActionFailed(
        f"This picture went through {MAX_HOPS} classifiers already; two of them seem to hand "
        "pictures to each other. Change one of their rules.",
        code="handed_in_a_circle",
    )
