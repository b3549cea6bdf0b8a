"""What tests of retention share: pictures that were answered long ago, and what is left of them."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from colours import picture
from sqlalchemy import ColumnElement, select, true, update

from connector.db import Database
from connector.db.tables import Action, Image, Prediction, Removal
from connector.db.types import utcnow
from connector.domain import predictions, retention
from connector.domain.predictions import SourceRef, Submission
from connector.domain.retention import Released
from workers import act, classify
from workers.runtime import Runtime

LONG_AGO = 100


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def submit(rt: Runtime, source: SourceRef, data: bytes) -> str:
    submission = Submission(data, "a.png")
    return predictions.submit(
        rt.database, rt.blobs, rt.settings, source=source, submission=submission
    ).id


def answered(rt: Runtime, source: SourceRef, colour: str = "red", seed: int = 0) -> str:
    """Send a picture in, and have it answered and acted on."""
    prediction_id = submit(rt, source, picture(colour, seed=seed))
    while classify.step(rt) or act.step(rt):
        pass
    return prediction_id


def age(database: Database, *ids: str, days: float = LONG_AGO) -> None:
    """Make predictions, with what was done for them, so many days older than they are."""
    then = utcnow() - timedelta(days=days)
    with database.write() as session:
        mine = Prediction.id.in_(ids) if ids else Prediction.id.is_not(None)
        session.execute(update(Prediction).where(mine).values(created_at=then, decided_at=then))
        acted = Action.prediction_id.in_(select(Prediction.id).where(mine))
        done = acted & Action.finished_at.is_not(None)
        session.execute(update(Action).where(done).values(finished_at=then))


def submit_old(rt: Runtime, source: SourceRef, data: bytes) -> str:
    """Send a picture in that counts as answered long ago, without anybody answering it."""
    prediction_id = submit(rt, source, data)
    with rt.database.write() as session:
        mine = update(Prediction).where(Prediction.id == prediction_id)
        session.execute(mine.values(status="done", label="red"))
    age(rt.database, prediction_id)
    return prediction_id


def prune(rt: Runtime) -> Released:
    """Let everything go that may."""
    return sum(retention.passes(rt.database, rt.blobs, rt.settings), Released())


def lost(rt: Runtime, *data: bytes) -> list[str]:
    """Return the predictions whose picture, one of these or any, should be there and is not."""
    statement = (
        select(Prediction.id, Image.sha256, Image.deleted_at)
        .join(Image, Image.id == Prediction.image_id)
        .where(Prediction.image_deleted_at.is_(None), _of(data))
    )
    with rt.database.read() as session:
        rows = session.execute(statement).all()
    return [
        row.id
        for row in rows
        if row.deleted_at is not None
        or not rt.blobs.exists(row.sha256)
        or sha256_of(rt.blobs.read(row.sha256)) != row.sha256
    ]


def left_over(rt: Runtime, *data: bytes) -> list[str]:
    """Return the contents that nobody needs and that are kept all the same, or still to go."""
    kept = select(Image.sha256).where(Image.deleted_at.is_(None))
    with rt.database.read() as session:
        unneeded = select(Image.sha256).where(Image.sha256.not_in(kept), _of(data))
        gone = set(session.scalars(unneeded))
        waiting = session.scalars(select(Removal.sha256).where(Removal.state != "gone")).all()
    return [*(sha for sha in gone if rt.blobs.exists(sha)), *waiting]


def _of(data: tuple[bytes, ...]) -> ColumnElement[bool]:
    return Image.sha256.in_([sha256_of(one) for one in data]) if data else true()
