"""What the clock's process does besides ticking: S3 sources' queues, and back-fills.

Both wait for the network most of the time, so they are threads of a process that there is already.
boto3 is loaded once a source asks for it. Several clocks may run: a queue hands each message to one
of them, and a back-fill is claimed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from sqlalchemy import select

from connector.db.tables import Classifier, Source
from connector.domain import backfills
from connector.domain.arrivals import Arrivals
from connector.domain.classifiers import S3
from connector.domain.predictions import SourceRef
from connector.domain.quotas import Quotas
from connector.errors import ColabelError
from connector.storage.object_reading import ObjectStores
from workers.runtime import Runtime

logger = logging.getLogger(__name__)

STOP_SECONDS = 2.0
_WITH_QUEUES = (
    select(Source)
    .join(Classifier, Classifier.id == Source.classifier_id)
    .where(Source.kind == S3, Source.deleted_at.is_(None), Classifier.deleted_at.is_(None))
)


class Receiver:
    """Starts a thread for every queue that a source names, and one for back-fills, as needed."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self.stores = ObjectStores(rt.settings)
        quotas = Quotas(rt.database, rt.settings)
        self.arrivals = Arrivals(rt.settings, rt.database, rt.blobs, quotas, self.stores)
        self._threads: dict[str, threading.Thread] = {}

    def tend(self) -> None:
        """Start what is missing; called every few seconds. Raises Unavailable."""
        with self.rt.database.read() as session:
            found = session.scalars(_WITH_QUEUES)
            queues = [one.id for one in found if one.settings.get("queue_url")]
            waiting = backfills.any_waiting(session)
        for source_id in queues:
            self._start(source_id, partial(self._receive, source_id))
        if waiting:
            self._start("backfills", self._backfill)

    def close(self) -> None:
        """Wait a moment for the threads, which end by themselves once the runtime is stopping."""
        for thread in self._threads.values():
            thread.join(STOP_SECONDS)
        self.stores.close()

    def source(self, source_id: str) -> SourceRef | None:
        """Return a source as it is now, None once it or its classifier is deleted."""
        with self.rt.database.read() as session:
            row = session.get(Source, source_id)
            if row is None or row.deleted_at is not None or row.kind != S3:
                return None
            classifier = session.get_one(Classifier, row.classifier_id)
            if classifier.deleted_at is not None:
                return None
            return SourceRef.of(row, classifier)

    def _start(self, name: str, work: Callable[[], None]) -> None:
        running = self._threads.get(name)
        if running is not None and running.is_alive():
            return

        def run() -> None:
            try:
                work()
            except ColabelError as error:
                # Begun again at a later tick.
                logger.warning("%s: %s", name, error.detail)
            except Exception:
                logger.exception("receiving for %s ended", name)

        # A daemon: a poll that waits for an answer must not keep the process from ending. What it
        # holds is not deleted, so that it is told again.
        thread = threading.Thread(target=run, name=f"receive-{name}", daemon=True)
        self._threads[name] = thread
        thread.start()

    def _receive(self, source_id: str) -> None:
        from workers.queues import Queue

        Queue(self, source_id).serve()

    def _backfill(self) -> None:
        from workers.backfill import step

        while not self.rt.stopping.is_set() and step(self):
            pass
