"""One row per workspace and content."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.insert import insert_missing
from connector.db.tables import Image
from connector.db.types import utcnow
from connector.ids import new_id
from connector.pictures import PictureInfo


def image_id(session: Session, workspace_id: str, sha256: str, size: int, info: PictureInfo) -> str:
    """Return the id of the row for these bytes (kept already as blob `sha256`), made if missing."""
    known = select(Image.id).where(Image.workspace_id == workspace_id, Image.sha256 == sha256)
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
    if insert_missing(session, Image, row, ["workspace_id", "sha256"]):
        return fresh
    return session.execute(known).scalar_one()
