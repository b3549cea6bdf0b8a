"""What retention would do now, told without doing any of it: exactly, or at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, literal, select, union_all
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.session import now
from connector.db.tables import Classifier, Image, Prediction
from connector.domain import retention
from connector.domain.retention import Released
from connector.settings import Settings

_AT_ONCE = 500
# A glance looks at so many pictures of a classifier, the oldest, and at so many of all together.
MOST_LOOKED_AT, MOST_TOGETHER = 1000, 4000
MOST_LISTED = 200


@dataclass(frozen=True)
class Kept:
    """A classifier and after how many days its pictures go: its own, or the service's; 0: never."""

    classifier_id: str
    name: str
    days: int
    own: bool


@dataclass(frozen=True)
class Going:
    """What of a classifier's pictures would go now; `more`: and maybe more than these.

    `bytes`: at most, as a picture may be another's, too.
    """

    predictions: int = 0
    bytes: int = 0
    more: bool = False


def kept(session: Session, settings: Settings, workspace_id: str) -> list[Kept]:
    """Return what is in force for each classifier of the workspace, by name."""
    statement = (
        select(Classifier)
        .where(Classifier.workspace_id == workspace_id, Classifier.deleted_at.is_(None))
        .order_by(Classifier.name)
        .limit(MOST_LISTED)
    )
    return [
        Kept(row.id, row.name, retention.days_of(row, settings), row.retention_days is not None)
        for row in session.scalars(statement)
    ]


def glance(
    session: Session, settings: Settings, policies: Sequence[Kept], most: int = MOST_LOOKED_AT
) -> dict[str, Going]:
    """Return by classifier what the next run would let go, in one query of bounded length.

    Of many classifiers, fewer pictures of each are looked at than `most`.
    """
    moment, wanted = now(session), [one for one in policies if one.days]
    if not wanted:
        return {}
    most = min(most, MOST_TOGETHER // len(wanted))
    arms = [_oldest(one, moment, settings, most) for one in wanted]
    return {
        row.classifier_id: Going(row.going, int(row.size or 0), row.seen >= most)
        for row in session.execute(union_all(*arms))
    }


def _oldest(one: Kept, moment: datetime, settings: Settings, most: int) -> Select[Any]:
    old_enough = (
        select(Prediction.id)
        .where(
            Prediction.classifier_id == one.classifier_id,
            Prediction.created_at < moment - timedelta(days=one.days),
            retention.KEPT,
        )
        .order_by(Prediction.created_at, Prediction.id)
        .limit(most)
        .subquery()
    )
    seen = select(func.count()).select_from(old_enough).scalar_subquery()
    return (
        select(
            literal(one.classifier_id).label("classifier_id"),
            func.count().label("going"),
            func.sum(Image.size).label("size"),
            seen.label("seen"),
        )
        .select_from(Prediction)
        .join(Image, Image.id == Prediction.image_id)
        .where(Prediction.id.in_(select(old_enough.c.id)), *retention.unneeded(moment, settings))
    )


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
