"""Zips that wait for their import: kept before the row is written, gone when nobody needs them.

Two imports of the same zip share its bytes. So whoever writes a row that names an archive, and
whoever deletes one, does so `alone`: neither can come between the other's look and deed.
"""

from __future__ import annotations

from typing import IO

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.session import alone
from connector.db.tables import Import
from connector.domain.longwork import UNFINISHED
from connector.errors import Unprocessable
from connector.storage import Blobs

BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")


def check_zip(archive: IO[bytes]) -> None:
    """Look at the first bytes and go back to the start. Raises Unprocessable (not_a_zip)."""
    beginning = archive.read(4)
    archive.seek(0)
    if beginning not in BEGINNINGS:
        raise Unprocessable(
            "This is not a zip archive; pack one folder of pictures per label into a zip.",
            code="not_a_zip",
        )


def reserve(session: Session, blobs: Blobs, sha256: str) -> bool:
    """Whether the bytes are there; then they stay at least until this transaction has ended."""
    alone(session, f"archive {sha256}")
    return blobs.exists(sha256)


def forget(database: Database, blobs: Blobs, sha256: str) -> None:
    """Delete an archive unless an import that has not finished needs it."""
    with database.write() as session:
        alone(session, f"archive {sha256}")
        needed = select(Import.id).where(
            Import.archive_sha256 == sha256, Import.status.in_(UNFINISHED)
        )
        if session.scalars(needed.limit(1)).first() is None:
            blobs.delete(sha256)
