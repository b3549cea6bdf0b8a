"""Traces of refused calls for their source's owner, few enough that refusing stays cheap."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from connector.db import Database
from connector.domain import source_events
from connector.errors import ColabelError, TooMany

logger = logging.getLogger(__name__)

# Of calls beyond a quota, which may come in any number, one a second is written down.
PAUSE_SECONDS = 1.0
MOST_REMEMBERED = 1_000


class Refusals:
    """Notes why calls were refused; those it leaves out are counted with the next that it notes."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock = database, clock
        # Source and code -> until when the next are only counted, and how many were.
        self._held: dict[tuple[str, str], tuple[float, int]] = {}
        self._lock = threading.Lock()

    def note(self, source_id: str, code: str, detail: str, *, pictures: int, status: int) -> None:
        """Leave a trace of a refused call. Never raises for a database that is away."""
        calls = self._due(source_id, code) if status == TooMany.status else 1
        if not calls:
            return
        try:
            with self._database.write() as session:
                source_events.note_refusal(
                    session, source_id, code=code, detail=detail, pictures=pictures, calls=calls
                )
        except ColabelError as error:
            # The sender is to learn why the call was refused, not that noting it failed as well.
            logger.warning("source %s refused a call (%s), not noted: %s", source_id, code, error)

    def _due(self, source_id: str, code: str) -> int:
        """Return how many calls this one stands for, 0 when it is only to be counted."""
        key, now = (source_id, code), self._clock()
        with self._lock:
            until, held = self._held.get(key, (now, 0))
            if now < until:
                self._held[key] = (until, held + 1)
                return 0
            if len(self._held) >= MOST_REMEMBERED:
                self._held.clear()
            self._held[key] = (now + PAUSE_SECONDS, 0)
            return held + 1
