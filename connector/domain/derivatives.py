"""Bytes that an action makes of a picture, kept as long as its prediction's picture is."""

from __future__ import annotations

from connector.db import Database
from connector.db.insert import insert_missing
from connector.db.tables import Derivative
from connector.domain import removals
from connector.domain.removals import Rescued
from connector.storage.base import Blobs


def keep(database: Database, blobs: Blobs, prediction_id: str, data: bytes) -> str:
    """Keep `data` for a prediction, durable when this returns; return its hash.

    Raises NoSpace, Unavailable.
    """
    sha256 = blobs.put(data)

    def write(rescued: Rescued) -> None:
        with database.write() as session:
            removals.share(session, sha256)
            removals.sure(session, sha256, rescued.get(sha256))
            row = {"sha256": sha256, "prediction_id": prediction_id}
            insert_missing(session, Derivative, row, ("sha256", "prediction_id"))

    removals.put_surely(database, blobs, lambda _: data, write)
    return sha256
