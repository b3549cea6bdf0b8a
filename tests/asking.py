"""What tests of questions share: grey pictures that the colour model is unsure of, and people."""

from __future__ import annotations

from typing import Any

from acting import run, send
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import Prediction, Review
from connector.domain import people
from connector.domain.predictions import SourceRef
from connector.domain.review_queue import Looker
from workers.runtime import Runtime


def ask(rt: Runtime, source: SourceRef, count: int = 1, *, first: int = 0) -> list[str]:
    """Send that many grey pictures, each its own; return the ids of all open questions in order."""
    for seed in range(first, first + count):
        send(rt, source, "grey", seed=seed)
    run(rt)
    with rt.database.read() as session:
        statement = select(Review.id).where(Review.state == "open").order_by(Review.id)
        return list(session.scalars(statement))


def looker(database: Database, workspace_id: str, name: str) -> Looker:
    """Make somebody with an account, who looks at questions in one browser."""
    with database.write() as session:
        person = people.add(
            session,
            workspace_id,
            email=f"{name.lower()}@{workspace_id.replace('_', '')}.example",
            name=name,
            password_hash="none",
            role=people.REVIEWER,
        )
        return Looker(workspace_id, f"ses_{name}", person.id)


def review_of(database: Database, review_id: str) -> tuple[Review, Prediction]:
    """Return a review and its prediction as they are now."""
    with database.read() as session:
        review = session.get_one(Review, review_id)
        return review, session.get_one(Prediction, review.prediction_id)


def values(row: Any, *names: str) -> tuple[Any, ...]:
    """Return these columns of a row."""
    return tuple(getattr(row, name) for name in names)
