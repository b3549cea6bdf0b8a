"""One row per workspace and content."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from connector.db.insert import insert_missing
from connector.db.tables import Image
from connector.db.types import utcnow
from connector.ids import new_id
from connector.pictures import PictureInfo

_KNOWN = select(Image.id).where(
    Image.workspace_id == bindparam("workspace_id"), Image.sha256 == bindparam("sha256")
)


def new_bytes(connection: Connection, workspace_id: str, sizes: Mapping[str, int]) -> int:
    """Return how many of these bytes (by SHA-256) the workspace does not keep yet."""
    known = select(Image.sha256).where(Image.workspace_id == workspace_id, Image.sha256.in_(sizes))
    kept = set(connection.scalars(known))
    return sum(size for sha256, size in sizes.items() if sha256 not in kept)


def image_id(
    where: Session | Connection, workspace_id: str, sha256: str, size: int, info: PictureInfo
) -> str:
    """Return the id of the row for these bytes (kept already as blob `sha256`), made if missing."""
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
    if insert_missing(where, Image, row, ("workspace_id", "sha256")):
        return fresh
    known = where.execute(_KNOWN, {"workspace_id": workspace_id, "sha256": sha256})
    return str(known.scalar_one())
