"""Actions with their pictures, as lists of what is taken back show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Action, Prediction

# Of what would be taken back, as many are shown.
SHOWN = 12


@dataclass(frozen=True)
class Deed:
    """An action, and the picture that it was done with."""

    action: Action
    name: str
    image_id: str
    image_deleted_at: datetime | None


def deeds(session: Session, action_ids: Sequence[str]) -> list[Deed]:
    """Return these actions with their pictures, in the order of the ids, with one query."""
    if not action_ids:
        return []
    statement = (
        select(Action, Prediction.name, Prediction.image_id, Prediction.image_deleted_at)
        .join(Prediction, Prediction.id == Action.prediction_id)
        .where(Action.id.in_(action_ids))
    )
    found = {row[0].id: Deed(*row) for row in session.execute(statement)}
    return [found[one] for one in action_ids]
