"""Pictures that are old enough go, in small batches; what was answered about them stays.

A prediction whose picture is deleted keeps its label, confidence and times. The bytes go when no
row needs them any more, in this workspace or another; how, stands in `connector.domain.removals`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.db import Database
from connector.db.session import now
from connector.db.tables import (
    Action,
    Classifier,
    Derivative,
    Example,
    Image,
    Prediction,
    Review,
    Thumbnail,
)
from connector.domain import removals
from connector.settings import Settings
from connector.storage.base import Blobs

AT_ONCE = 100
DECIDED = ("done", "failed")
KEPT = Prediction.image_deleted_at.is_(None)
# Vectors of a picture may be kept so long after it went, by who had read it just before.
LATE_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Released:
    """Predictions whose picture went; pictures of a workspace, and bytes, that none needs now."""

    predictions: int = 0
    pictures: int = 0
    bytes: int = 0

    def __add__(self, other: Released) -> Released:
        """Return the sum of both."""
        return Released(
            self.predictions + other.predictions,
            self.pictures + other.pictures,
            self.bytes + other.bytes,
        )


@dataclass(frozen=True)
class Policy:
    """From when on the pictures of a classifier are old enough; of one that was deleted, too."""

    classifier_id: str
    before: datetime


def days_of(classifier: Classifier, settings: Settings) -> int:
    """Return after how many days its pictures go; 0: never."""
    return (
        settings.retention_days if classifier.retention_days is None else classifier.retention_days
    )


def policies(session: Session, settings: Settings) -> list[Policy]:
    """Return what goes, for each classifier of which anything does."""
    moment = now(session)
    found = [(row, days_of(row, settings)) for row in session.scalars(select(Classifier))]
    return [Policy(row.id, moment - timedelta(days=days)) for row, days in found if days]


def passes(database: Database, blobs: Blobs, settings: Settings) -> Iterator[Released]:
    """Let everything go that may, a small batch each time this is asked on.

    What an earlier run left unfinished comes first. Raises Unavailable.
    """
    yield from _bytes(database, blobs)
    with database.read() as session:
        wanted = policies(session, settings)
    for policy in wanted:
        for ids in pages(database, settings, policy):
            with database.write() as session:
                released = release(session, settings, ids)
            yield released
            yield from _bytes(database, blobs)
    if wanted:
        with database.write() as session:
            removals.forget_late_vectors(session, LATE_SECONDS)


def _bytes(database: Database, blobs: Blobs) -> Iterator[Released]:
    while finish(database, blobs):
        yield Released()


def finish(database: Database, blobs: Blobs) -> int:
    """Delete bytes that were marked; return how many contents, 0 when none is left."""
    with database.read() as session:
        if not removals.any_open(session):
            return 0
    return removals.finish(database, blobs)


def pages(database: Database, settings: Settings, policy: Policy) -> Iterator[list[str]]:
    """Give the ids of the predictions that may go, the oldest first."""
    last: tuple[datetime, str] | None = None
    while True:
        with database.read() as session:
            statement = select(Prediction.id, Prediction.created_at).where(
                Prediction.classifier_id == policy.classifier_id,
                Prediction.created_at < policy.before,
                KEPT,
                *unneeded(now(session), settings),
            )
            if last is not None:
                moment, prediction_id = last
                same = and_(Prediction.created_at == moment, Prediction.id > prediction_id)
                statement = statement.where(or_(Prediction.created_at > moment, same))
            order = statement.order_by(Prediction.created_at, Prediction.id)
            rows = session.execute(order.limit(AT_ONCE)).all()
        if not rows:
            return
        last = rows[-1].created_at, rows[-1].id
        yield [row.id for row in rows]


def unneeded(moment: datetime, settings: Settings) -> list[ColumnElement[bool]]:
    """Return what must hold of a prediction whose picture may go by itself."""
    asked = exists().where(Review.prediction_id == Prediction.id, Review.state == "open")
    acting = exists().where(
        Action.prediction_id == Prediction.id, or_(Action.pending, undoable(moment, settings))
    )
    # With its label it is evidence and learnt from; without one it waits for it.
    example = exists().where(Example.image_id == Prediction.image_id)
    return [Prediction.status.in_(DECIDED), ~asked, ~acting, ~example]


def undoable(moment: datetime, settings: Settings) -> ColumnElement[bool]:
    """Return what holds of an action that may still be undone, pictures needed for it included."""
    kinds = [name for name, kind in action_kinds.registry().items() if kind.undoable]
    since = moment - timedelta(days=settings.undo_days)
    return and_(Action.status == "done", Action.kind.in_(kinds), Action.finished_at > since)


def release(session: Session, settings: Settings, ids: Sequence[str]) -> Released:
    """Let go of these predictions' pictures, but of those that are needed after all.

    Whoever needs a picture again holds its prediction's row (`images.hold`), or its content
    (`removals.share`): those are left for the next time.
    """
    free = hold_free(session, ids)
    still = select(Prediction.id).where(
        # A statement of its own, after all is held: what others have just done is seen.
        Prediction.id.in_(free),
        KEPT,
        *unneeded(now(session), settings),
    )
    return let_go(session, session.scalars(still).all())


def hold_free(session: Session, ids: Sequence[str]) -> list[str]:
    """Hold these predictions, with all their contents; return those that nobody else holds."""
    statement = (
        select(Prediction.id, Image.sha256)
        .join(Image, Image.id == Prediction.image_id)
        .where(Prediction.id.in_(ids))
        .with_for_update(of=Prediction, skip_locked=True, key_share=True)
    )
    contents = {row.id: {row.sha256} for row in session.execute(statement)}
    made = select(Derivative.prediction_id, Derivative.sha256)
    for owner, sha256 in session.execute(made.where(Derivative.prediction_id.in_(contents))):
        contents[owner].add(sha256)
    small = thumbnails_of(session, set().union(*contents.values()))
    for hashes in contents.values():
        hashes |= {small[sha256] for sha256 in hashes & small.keys()}
    mine = removals.try_alone(session, sorted(set().union(*contents.values())))
    return [prediction_id for prediction_id, hashes in contents.items() if hashes <= mine]


def thumbnails_of(session: Session, hashes: Collection[str]) -> dict[str, str]:
    """Return content -> its thumbnail, for those of the contents that have one."""
    statement = select(Thumbnail.sha256, Thumbnail.thumbnail_sha256)
    return dict(session.execute(statement.where(Thumbnail.sha256.in_(hashes))).all())


def let_go(session: Session, ids: Sequence[str]) -> Released:
    """Note that these predictions' pictures are deleted; mark the bytes that nobody needs now."""
    if not ids:
        return Released()
    moment = now(session)
    gone = (
        update(Prediction)
        .where(Prediction.id.in_(ids), KEPT)
        .values(image_deleted_at=moment)
        .returning(Prediction.image_id)
        .execution_options(synchronize_session=False)
    )
    images = list(session.execute(gone).scalars())
    released = Released(len(images)) + drop_images(session, images, moment)
    made = session.scalars(select(Derivative.sha256).where(Derivative.prediction_id.in_(ids)))
    _mark_unneeded(session, set(made))
    return released


def drop_images(session: Session, image_ids: Sequence[str], moment: datetime) -> Released:
    """Note of pictures which nothing in their workspace names any more that they are deleted."""
    dropped = (
        update(Image)
        .where(
            Image.id.in_(image_ids),
            Image.deleted_at.is_(None),
            ~exists().where(Prediction.image_id == Image.id, KEPT),
            ~exists().where(Example.image_id == Image.id),
        )
        .values(deleted_at=moment)
        .returning(Image.sha256, Image.size)
        .execution_options(synchronize_session=False)
    )
    sizes = {row.sha256: row.size for row in session.execute(dropped)}
    unneeded_now = _mark_unneeded(session, set(sizes))
    return Released(0, len(sizes), sum(sizes[sha256] for sha256 in unneeded_now))


def _mark_unneeded(session: Session, hashes: set[str]) -> set[str]:
    """Mark the contents that no row of any workspace needs, with their thumbnails; return them."""
    free = _unneeded(session, hashes)
    if free:
        small = set(thumbnails_of(session, free).values())
        session.execute(delete(Thumbnail).where(Thumbnail.sha256.in_(free)))
        removals.mark(session, sorted(free | _unneeded(session, small)))
    return free


def _unneeded(session: Session, hashes: set[str]) -> set[str]:
    """Those of the contents that are nobody's picture, nor made of a picture that is kept."""
    kept = select(Image.sha256).where(Image.sha256.in_(hashes), Image.deleted_at.is_(None))
    made = (
        select(Derivative.sha256)
        .join(Prediction, Prediction.id == Derivative.prediction_id)
        .where(Derivative.sha256.in_(hashes), KEPT)
    )
    small = select(Thumbnail.thumbnail_sha256).where(Thumbnail.thumbnail_sha256.in_(hashes))
    return hashes.difference(*(session.scalars(one) for one in (kept, made, small)))
