"""What a process that reads hostile bytes may use, and how the system is told so."""

from __future__ import annotations

import math
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from connector.leash import prctl

PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES = 64


@dataclass(frozen=True)
class Limits:
    """`cpu_seconds` for each piece of work, `memory` in bytes beyond what the bare process has.

    By the clock it may take `patience` times as long, for the machine may be busy.
    """

    cpu_seconds: float
    memory: int
    patience: float = 10.0

    @property
    def clock_seconds(self) -> float:
        """How long one piece of work may take by the clock."""
        return self.cpu_seconds * self.patience


def confine(memory: int) -> bool:
    """Give up what decoding does not need, for good. Return whether the memory is limited now.

    Elsewhere than on Linux it is not: those kernels take the limit and do not keep it.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_FSIZE, 0)
    _set(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if sys.platform != "linux":
        return False
    _be_first_to_go()
    sizes = [int(pages) * resource.getpagesize() for pages in _statm()]
    # Both: the first knows every mapping, the second those that can become real memory.
    _set(resource.RLIMIT_AS, sizes[0] + memory)
    _set(resource.RLIMIT_DATA, sizes[5] + memory)
    return True


def allow_cpu(seconds: float) -> None:
    """Let the kernel end this process (SIGXCPU) after `seconds` more of CPU time, rounded up."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(used + seconds)
    unlimited = hard == resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_CPU, (soft if unlimited else min(soft, hard), hard))


def _statm() -> list[str]:
    return Path("/proc/self/statm").read_text().split()


def _be_first_to_go() -> None:
    """When the machine runs out of memory, this process is the one to end, not who waits for it."""
    Path("/proc/self/oom_score_adj").write_text("1000")


def _set(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, value))
