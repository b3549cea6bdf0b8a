"""A supervised child process: how to start it, how it died, when to try again."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.output import Channel


@dataclass(frozen=True)
class Backoff:
    """Seconds to wait before each restart; the last one repeats, `healthy_after` begins anew.

    Every delay is below 5 s: that is what the service promises.
    """

    delays: Sequence[float] = (0.1, 0.5, 1.0, 2.0, 4.0)
    healthy_after: float = 30.0

    def delay(self, deaths: int) -> float:
        """Return the delay after the `deaths`-th death in a row (counted from 1)."""
        return self.delays[min(deaths, len(self.delays)) - 1]


@dataclass(frozen=True)
class Death:
    """How a child ended: `status` is its exit code, or minus the signal that killed it."""

    name: str
    status: int
    lasted: float
    last_lines: Sequence[str] = ()

    def reason(self) -> str:
        """Say it in words."""
        if self.status < 0:
            return f"was killed by signal {-self.status} ({signal.Signals(-self.status).name})"
        if self.status == 0:
            return "ended by itself, without an error"
        said = f": {self.last_lines[-1].strip()}" if self.last_lines else ""
        return f"ended with exit code {self.status}{said}"

    def sentence(self, restarts: int, delay: float) -> str:
        """Say what happened and what is done about it."""
        when = f" in {delay:g} s" if delay >= 0.5 else ""
        return f"{self.name} {self.reason()}; starting it again{when} ({ordinal(restarts)} time)"


@dataclass(frozen=True)
class Event:
    """Something a supervisor did or saw: started, died, killed, stopping or stopped."""

    kind: str
    child: str | None
    text: str


@dataclass(frozen=True)
class Child:
    """A process to keep running.

    `env` is added to our own environment. `ready` says whether it can be used yet (called often,
    it must answer within a second or so). `before_restart` is called with the way it died, and
    may repair what keeps it from starting. `pass_fds` are descriptors it inherits. Children with
    `stop_last` are asked to end after all others have ended. Lines that `hide` is found in are
    remembered as its last words, but not shown.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    before_restart: Callable[[Death], None] | None = None
    pass_fds: tuple[int, ...] = ()
    stop_last: bool = False
    hide: re.Pattern[str] | None = None


class Running:
    """The present state of one child."""

    channel: Channel

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.restart_at: float | None = None
        self._deaths_in_a_row = 0
        self._started_at = 0.0

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines that the process has said."""
        return tuple(self.channel.last_lines)

    def started(self, channel: Channel) -> None:
        """Note that the process was started just now, with its output in `channel`."""
        self.channel = channel
        self.restart_at = None
        self._started_at = time.monotonic()

    def lasted(self) -> float:
        """Return for how many seconds it has been running, or ran before it died."""
        return time.monotonic() - self._started_at

    def is_ready(self) -> bool:
        """Whether it runs and, where the child can tell, can be used."""
        return self.process is not None and (self.child.ready is None or self.child.ready())

    def why_late(self, timeout: float) -> str:
        """Say that it was not ready in time, with its last line."""
        said = f" Its last words: {self.last_lines[-1].strip()}" if self.last_lines else ""
        return f"{self.child.name} was not ready after {timeout:g} seconds.{said}"

    def plan_restart(self, backoff: Backoff) -> float:
        """Set the time of the next start after a death; return the delay in seconds."""
        if self.lasted() >= backoff.healthy_after:
            self._deaths_in_a_row = 0
        self._deaths_in_a_row += 1
        self.restarts += 1
        delay = backoff.delay(self._deaths_in_a_row)
        self.restart_at = time.monotonic() + delay
        return delay


def ordinal(number: int) -> str:
    """Return "1st", "2nd", "3rd", "4th", …"""
    last = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{last or 'th'}"
