"""One row per workspace and content."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector.db.insert import insert_missing
from connector.db.tables import Image, Prediction, Removal
from connector.db.types import utcnow
from connector.domain import removals
from connector.errors import Gone
from connector.ids import new_id
from connector.pictures import PictureInfo

_KNOWN = select(Image.id, Image.deleted_at).where(
    Image.workspace_id == bindparam("workspace_id"), Image.sha256 == bindparam("sha256")
)
_COLUMNS = ("id", "workspace_id", "sha256", "media_type", "width", "height", "size", "created_at")
_ONCE = ("workspace_id", "sha256")


def new_bytes(connection: Connection, workspace_id: str, sizes: Mapping[str, int]) -> int:
    """Return how many of these bytes (by SHA-256) the workspace does not keep yet."""
    known = select(Image.sha256).where(
        Image.workspace_id == workspace_id, Image.sha256.in_(sizes), Image.deleted_at.is_(None)
    )
    kept = set(connection.scalars(known))
    return sum(size for sha256, size in sizes.items() if sha256 not in kept)


def image_id(
    where: Session | Connection,
    workspace_id: str,
    sha256: str,
    size: int,
    info: PictureInfo,
    rescued: str | None = None,
) -> str:
    """Return the id of the row for these bytes (kept already as blob `sha256`), made if missing.

    From now on they stay. Raises BeingRemoved when they may have been deleted since they were put
    there, unless they were put again under the token `rescued`.
    """
    fresh = new_id("img")
    row = {
        "id": fresh,
        "workspace_id": workspace_id,
        "sha256": sha256,
        "media_type": info.media_type,
        "width": info.width,
        "height": info.height,
        "size": size,
        "created_at": utcnow(),
    }
    connection = where.connection() if isinstance(where, Session) else where
    removals.share(connection, sha256)
    if connection.execute(_insert(connection.dialect.name), row).first() is not None:
        return fresh
    return _known(connection, row, rescued)


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Any:
    """Insert what is new, and of what nothing was ever deleted: nearly every picture."""
    table = Image.__table__
    values = [bindparam(name, type_=table.c[name].type) for name in _COLUMNS]
    removed = exists().where(Removal.sha256 == bindparam("sha256"))
    kind = postgresql if dialect == "postgresql" else sqlite
    statement = kind.insert(table).from_select(
        _COLUMNS, select(*values).where(~removed), include_defaults=False
    )
    return statement.on_conflict_do_nothing(index_elements=_ONCE).returning(table.c.id)


def _known(connection: Connection, row: dict[str, Any], rescued: str | None) -> str:
    place = {name: row[name] for name in _ONCE}
    known = connection.execute(_KNOWN, place).one_or_none()
    if known is not None and known.deleted_at is None:
        return str(known.id)
    removals.sure(connection, row["sha256"], rescued)
    if known is None:
        insert_missing(connection, Image, row, _ONCE)
        known = connection.execute(_KNOWN, place).one()
    connection.execute(update(Image).where(Image.id == known.id).values(deleted_at=None))
    return str(known.id)


def hold(session: Session, prediction: Prediction) -> None:
    """Be sure that the picture of an earlier prediction is there until this transaction ends.

    For whoever is about to need it again; the row is read anew. Raises Gone (image_deleted).
    """
    session.refresh(prediction, with_for_update={"key_share": True})
    check_kept(prediction)


def check_kept(prediction: Prediction) -> None:
    """Raise Gone (image_deleted) when the picture was deleted."""
    if prediction.image_deleted_at is not None:
        raise Gone(
            f"The picture of {prediction.id} was deleted on "
            f"{prediction.image_deleted_at:%Y-%m-%d}; its answer is kept. Send the picture again "
            "if it is needed.",
            code="image_deleted",
        )
