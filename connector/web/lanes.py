"""Lanes to the disk: where several workspaces send, each has its own, as wide as the others'.

A picture that is accepted waits for three syncs of the disk. Whoever sends over many connections
has as many of them under way, and a neighbour's one picture waits for all of these.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# For so long after its last picture a workspace counts.
REMEMBERED_SECONDS = 60.0
# Pictures of one workspace that are written at once, in each web process.
WIDTH = 1
# Who has waited for so many seconds goes in all the same: while the database is locked, each would
# else wait for its end after all those before it.
PATIENCE = 1.0


class Lanes:
    """Remembers who sent lately, in one process, and lets each write a few at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, float] = {}
        self._lanes: dict[str, threading.BoundedSemaphore] = {}

    @contextmanager
    def of(self, workspace_id: str) -> Iterator[None]:
        """Write in the lane of a workspace; without neighbours nobody waits."""
        lane = self._lane(workspace_id)
        if lane is None:
            yield
            return
        mine = lane.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if mine:
                lane.release()

    def _lane(self, workspace_id: str) -> threading.BoundedSemaphore | None:
        moment = self._clock()
        with self._lock:
            self._seen[workspace_id] = moment
            if min(self._seen.values()) < moment - REMEMBERED_SECONDS:
                self._forget(moment - REMEMBERED_SECONDS)
            if len(self._seen) < 2:
                return None
            return self._lanes.setdefault(workspace_id, threading.BoundedSemaphore(WIDTH))

    def _forget(self, before: float) -> None:
        # Who waits in a lane that is forgotten has it still; those who come later get a new one.
        for name in [name for name, last in self._seen.items() if last < before]:
            del self._seen[name]
            self._lanes.pop(name, None)
