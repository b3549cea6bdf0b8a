"""What retention would do now, told without doing any of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Image, Prediction
from connector.domain import retention
from connector.domain.retention import Released
from connector.settings import Settings

_AT_ONCE = 500


def survey(database: Database, settings: Settings) -> Released:
    """Return how many predictions, pictures and bytes a run would let go."""
    with database.read() as session:
        wanted = retention.policies(session, settings)
    going: Counter[str] = Counter()
    for policy in wanted:
        for ids in retention.pages(database, settings, policy):
            with database.read() as session:
                shown = select(Prediction.image_id).where(Prediction.id.in_(ids))
                going.update(session.scalars(shown))
    with database.read() as session:
        return Released(going.total()) + _unnamed(session, going)


def _unnamed(session: Session, going: Counter[str]) -> Released:
    """Return how many pictures would have no prediction any more, and how many bytes no row."""
    pictures: Counter[str] = Counter()
    sizes: dict[str, int] = {}
    for part in _parts(list(going)):
        statement = (
            select(Image.id, Image.sha256, Image.size, func.count())
            .join(Prediction, Prediction.image_id == Image.id)
            .where(Image.id.in_(part), retention.KEPT)
            .group_by(Image.id, Image.sha256, Image.size)
        )
        for image_id, sha256, size, named in session.execute(statement):
            if named == going[image_id]:
                pictures[sha256] += 1
                sizes[sha256] = size
    free = _unneeded(session, pictures)
    return Released(0, pictures.total(), sum(sizes[sha256] for sha256 in free))


def _unneeded(session: Session, pictures: Counter[str]) -> Iterator[str]:
    """Give the contents that no workspace would have any more."""
    for part in _parts(list(pictures)):
        statement = (
            select(Image.sha256, func.count())
            .where(Image.sha256.in_(part), Image.deleted_at.is_(None))
            .group_by(Image.sha256)
        )
        for sha256, kept in session.execute(statement):
            if kept == pictures[sha256]:
                yield sha256


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
