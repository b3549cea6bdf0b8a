"""Small upright JPEGs of pictures, made when somebody first looks at them, and then kept.

They go with their picture, by the same rules (`connector.domain.removals`). Each carries the hash
of what it was made of, so that no two pictures ever share a thumbnail's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from connector import decoding
from connector.db import Database
from connector.db.insert import insert_missing
from connector.db.tables import Image, Thumbnail
from connector.db.types import utcnow
from connector.domain import removals
from connector.domain.removals import Rescued
from connector.errors import Gone, NotFound
from connector.settings import Settings
from connector.storage.base import Blobs

PIXELS = 320
# Where a browser cannot show the file itself: as large as most screens have use for.
LARGE_PIXELS = 1600
_START, _COMMENT = b"\xff\xd8", b"\xff\xfe"


@dataclass(frozen=True)
class Picture:
    """A picture of a workspace, and the hash of its thumbnail when there is one."""

    sha256: str
    media_type: str
    size: int
    thumbnail: str | None


def find(session: Session, workspace_id: str, image_id: str) -> Picture:
    """Return a picture of this workspace. Raises NotFound, and Gone when it was deleted."""
    statement = (
        select(Image, Thumbnail.thumbnail_sha256)
        .outerjoin(Thumbnail, Thumbnail.sha256 == Image.sha256)
        .where(Image.id == image_id, Image.workspace_id == workspace_id)
    )
    found = session.execute(statement).one_or_none()
    if found is None:
        raise NotFound("There is no such picture here.")
    row, small = found
    if row.deleted_at is not None:
        raise _deleted()
    return Picture(row.sha256, row.media_type, row.size, small)


def read(database: Database, blobs: Blobs, settings: Settings, picture: Picture) -> bytes:
    """Return the thumbnail, made and kept if it is not there yet.

    Raises Undecodable for a picture of which none can be made, Gone, NoSpace, Unavailable.
    """
    if picture.thumbnail is None:
        small = _made(blobs, settings, picture.sha256)
        _keep(database, blobs, picture.sha256, small)
        return small
    try:
        return blobs.read(picture.thumbnail)
    except NotFound:
        # A store that lost it, or an older backup of it: made again, for this once.
        return _made(blobs, settings, picture.sha256)


def large(blobs: Blobs, settings: Settings, picture: Picture) -> bytes:
    """Return a JPEG that any browser shows; it is not kept. Raises Undecodable, Unavailable."""
    return decoding.thumbnail(blobs.read(picture.sha256), settings, LARGE_PIXELS)


def _made(blobs: Blobs, settings: Settings, sha256: str) -> bytes:
    plain = decoding.thumbnail(blobs.read(sha256), settings, PIXELS)
    # As a JPEG's comment: two bytes of length, themselves included, and the text.
    text = sha256.encode()
    return _START + _COMMENT + (len(text) + 2).to_bytes(2) + text + plain[len(_START) :]


def _keep(database: Database, blobs: Blobs, sha256: str, small: bytes) -> None:
    thumbnail = blobs.put(small)
    write = partial(_write, database, sha256, thumbnail)
    try:
        removals.put_surely(database, blobs, lambda _: small, write)
    except Gone:
        _drop(database, thumbnail)
        raise


def _drop(database: Database, thumbnail: str) -> None:
    """Mark the bytes that came too late: their picture was deleted meanwhile."""
    with database.write() as session:
        named = exists().where(Thumbnail.thumbnail_sha256 == thumbnail)
        if removals.try_alone(session, [thumbnail]) and not session.scalar(select(named)):
            removals.mark(session, [thumbnail])


def _write(database: Database, sha256: str, thumbnail: str, rescued: Rescued) -> None:
    with database.write() as session:
        # The picture's own content first: whoever marks it waits, or has marked it already.
        removals.share(session, sha256)
        kept = exists().where(Image.sha256 == sha256, Image.deleted_at.is_(None))
        if not session.scalar(select(kept)):
            raise _deleted()
        removals.share(session, thumbnail)
        removals.sure(session, thumbnail, rescued.get(thumbnail))
        row = {"sha256": sha256, "thumbnail_sha256": thumbnail, "created_at": utcnow()}
        insert_missing(session, Thumbnail, row, ["sha256"])


def _deleted() -> Gone:
    return Gone("This picture was deleted.", code="image_deleted")
