"""How much a workspace keeps: counted now and then, never by walking through folders."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Classifier, Image, ModelVersion, Prediction
from connector.errors import NotFound
from connector.storage import Blobs

HOLDS_SECONDS = 60.0
# Of more versions than these the size is not looked up.
MOST_VERSIONS = 1000
# More than anybody needs to know exactly.
MOST_WAITING = 100_000


@dataclass(frozen=True)
class Stored:
    """Pictures and versions of a workspace; `model_bytes` None: not looked up, as in a bucket."""

    pictures: int
    bytes: int
    versions: int
    model_bytes: int | None


class Shelf:
    """Counts what workspaces keep, and remembers it for a minute."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        *,
        local: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`local`: the files are on a disk here, where asking for a size costs next to nothing."""
        self._database, self._blobs, self._local = database, blobs, local
        self._clock = clock
        self._known: dict[str, tuple[float, Stored]] = {}
        self._lock = threading.Lock()

    def of(self, workspace_id: str) -> Stored:
        """Return what the workspace keeps, as it was a minute ago at most. Raises Unavailable."""
        now = self._clock()
        with self._lock:
            until, known = self._known.get(workspace_id, (0.0, None))
        if known is not None and now < until:
            return known
        found = self._count(workspace_id)
        with self._lock:
            self._known[workspace_id] = (now + HOLDS_SECONDS, found)
        return found

    def _count(self, workspace_id: str) -> Stored:
        with self._database.read() as session:
            pictures, size = session.execute(
                select(func.count(), func.sum(Image.size)).where(
                    Image.workspace_id == workspace_id, Image.deleted_at.is_(None)
                )
            ).one()
            versions, contents = _versions(session, workspace_id)
        model_bytes = None
        if self._local and versions <= MOST_VERSIONS:
            model_bytes = sum(self._size(sha256) for sha256 in contents)
        return Stored(pictures, int(size or 0), versions, model_bytes)

    def _size(self, sha256: str) -> int:
        try:
            return self._blobs.size(sha256)
        except NotFound:
            # Its version was made meanwhile, or is broken, which is told where it is used.
            return 0


def _versions(session: Session, workspace_id: str) -> tuple[int, set[str]]:
    """Return how many versions there are, and what they consist of, each content once."""
    statement = (
        select(
            ModelVersion.backbone_sha256,
            ModelVersion.head_sha256,
            ModelVersion.portable_sha256,
            ModelVersion.unlike_sha256,
            ModelVersion.report_sha256,
        )
        .join(Classifier, Classifier.id == ModelVersion.classifier_id)
        .where(Classifier.workspace_id == workspace_id)
        .limit(MOST_VERSIONS + 1)
    )
    rows = session.execute(statement).all()
    return len(rows), {sha256 for row in rows for sha256 in row if sha256 is not None}


def waiting(session: Session, workspace_id: str) -> int:
    """Return how many pictures of the workspace wait to be answered, up to MOST_WAITING."""
    some = (
        select(Prediction.id)
        .where(Prediction.status == "queued", Prediction.workspace_id == workspace_id)
        .limit(MOST_WAITING)
        .subquery()
    )
    return session.execute(select(func.count()).select_from(some)).scalar_one()
