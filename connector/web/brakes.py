"""Brakes for senders that take no heed of a refusal: a 429 that comes slowly.

Whoever sends on at full speed although it is refused costs every neighbour the time in which its
requests are read and refused, however little that is for one. A connection that waits for its
refusal sends nothing meanwhile. Who heeds Retry-After notices nothing of it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector.errors import TooMany

# So many refusals a second of one workspace come at once, in each web process.
AT_ONCE = 5
HELD_SECONDS = 0.5
# Threads of a web process that may be held; the others are for the neighbours.
MOST_HELD = 12


class Brakes:
    """Counts the refusals of a process, and holds some."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        hold: Callable[[float], object] = time.sleep,
    ) -> None:
        self._clock, self._hold = clock, hold
        self._lock = threading.Lock()
        self._second, self._refused = 0, Counter[str]()
        self._places = threading.BoundedSemaphore(MOST_HELD)

    @contextmanager
    def on(self, workspace_id: str) -> Iterator[None]:
        """Let a refusal by TooMany from inside out, after a while if there were many just now."""
        try:
            yield
        except TooMany:
            if self._count(workspace_id) > AT_ONCE and self._places.acquire(blocking=False):
                try:
                    self._hold(HELD_SECONDS)
                finally:
                    self._places.release()
            raise

    def _count(self, workspace_id: str) -> int:
        second = int(self._clock())
        with self._lock:
            if second != self._second:
                self._second = second
                self._refused.clear()
            self._refused[workspace_id] += 1
            return self._refused[workspace_id]
