"""How large a batch may be: whole while one workspace sends, short in time while several do.

Whoever sends one picture waits for the batch under way, and then for the one that it is in. A large
batch saves a little work for each picture; a workspace that sends thousands gets that at the price
of its neighbours' patience, so it gets it only while there are none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

# What a batch should take while several workspaces send.
SHARED_SECONDS = 0.02
# A batch costs something by itself: with fewer, a slow disk would let it eat all of the time.
LEAST = 2
# For so long after its last picture a workspace counts.
REMEMBERED_SECONDS = 60.0
# How much the latest batch counts in the time that a picture is expected to take.
WEIGHT = 0.2


class Pace:
    """Remembers who sent pictures lately and how long one took, in one worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._seconds: float | None = None
        # Whether the next batch may be of short lines alone: not two in a row.
        self.express = True

    def limit(self, most: int) -> int:
        """Return how many pictures the next batch may have: `most`, or from LEAST on."""
        oldest = self._clock() - REMEMBERED_SECONDS
        self._seen = {name: last for name, last in self._seen.items() if last >= oldest}
        if len(self._seen) < 2 or not self._seconds:
            return most
        return min(most, max(LEAST, round(SHARED_SECONDS / self._seconds)))

    def saw(
        self, workspaces: Iterable[str], pictures: int, seconds: float, *, express: bool = False
    ) -> None:
        """Note a batch: whose pictures, how many, how long all of it took, and of which kind."""
        moment = self._clock()
        self._seen.update(dict.fromkeys(workspaces, moment))
        self.express = not express
        if express:
            # What a batch costs by itself would pass for what a picture does.
            return
        one = seconds / max(1, pictures)
        before = one if self._seconds is None else self._seconds
        self._seconds = (1 - WEIGHT) * before + WEIGHT * one
