"""A schedule that steps or the clock drive to its end, whichever comes first. No torch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_WARM_UP = 0.15
_FIRST = 0.1


def one_cycle(share: float) -> float:
    """The part of the peak learning rate at a share 0..1 of the schedule.

    Up over the first part, then down along a cosine (Smith & Topin 2018, "Super-convergence").
    """
    if share < _WARM_UP:
        return _FIRST + (1 - _FIRST) * share / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (share - _WARM_UP) / (1 - _WARM_UP))))


@dataclass
class Schedule:
    """`steps` steps, or as many as `seconds` (inf for no limit) allow.

    `before` seconds were spent in earlier runs.
    """

    steps: int
    seconds: float
    done: int = 0
    before: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _start: float = field(init=False)

    def __post_init__(self) -> None:
        self._start = self.clock()

    @property
    def spent(self) -> float:
        """Seconds of work, those before an interruption included and the pause left out."""
        return self.before + self.clock() - self._start

    @property
    def share(self) -> float:
        """The part of the schedule that is behind, 0..1."""
        return min(1.0, max(self.done / self.steps, self.spent / self.seconds))

    @property
    def rate(self) -> float:
        """The part of the peak learning rate for the next step."""
        return one_cycle(self.share)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.share >= 1

    @property
    def seconds_left(self) -> float:
        """Estimate of the time still needed: what the steps at hand will take, or the clock."""
        spent = self.spent
        left = max(self.seconds - spent, 0.0)
        if not self.done:
            return left
        return min(left, spent / self.done * max(self.steps - self.done, 0))
