"""One row per workspace and content."""

from __future__ import annotations

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
