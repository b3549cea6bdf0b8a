"""Retention by the clock: pictures that are old enough go, a little at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

from connector.domain import retention
from connector.domain.retention import Released
from workers.runtime import Runtime

logger = logging.getLogger(__name__)

# So often it is looked for pictures that have become old enough; each turn lasts at most so long,
# as nobody rings for lost work meanwhile.
EVERY_SECONDS, TURN_SECONDS = 3600.0, 0.5


class Pruning:
    """Goes on with one run of retention after the other, whenever it is its turn."""

    def __init__(self, rt: Runtime, clock: Callable[[], float] = time.monotonic) -> None:
        self._rt, self._clock = rt, clock
        self._next_at = clock()
        self._run: Iterator[Released] | None = None
        self._sum = Released()

    def turn(self) -> None:
        """Let pictures go for a moment. Raises Unavailable; the next turn begins a new run."""
        until = self._clock() + TURN_SECONDS
        if self._run is None and self._clock() >= self._next_at:
            self._next_at = self._clock() + EVERY_SECONDS
            self._run, self._sum = self._passes(), Released()
        if self._run is None:
            # What a request has deleted, or somebody who was killed.
            retention.finish(self._rt.database, self._rt.blobs)
            return
        run, self._run = self._run, None
        for released in run:
            self._sum += released
            if self._clock() >= until or self._rt.stopping.is_set():
                self._run = run
                return
        if self._sum.predictions:
            logger.info(
                "retention: %d predictions without their picture, %d pictures and %d bytes gone",
                self._sum.predictions,
                self._sum.pictures,
                self._sum.bytes,
            )

    def _passes(self) -> Iterator[Released]:
        rt = self._rt
        return retention.passes(rt.database, rt.blobs, rt.settings)
