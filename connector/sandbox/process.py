"""One limited process, seen from the side that gives it work."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connector.errors import Unavailable
from connector.leash import VARIABLE
from connector.sandbox import wire
from connector.sandbox.limits import Limits
from connector.sandbox.wire import Facts

START_SECONDS = 60.0
_LAST_SECONDS = 5.0
# All of our environment that it gets: no key, no password, no address of a database.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", VARIABLE)
_ITS_OWN = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True)
class Answer:
    """What the task made of the bytes: facts that are JSON, and bytes."""

    facts: Facts
    data: bytes


class Refused(Exception):
    """The task raised one of our own errors: the name of its class, its code and its sentence."""

    def __init__(self, kind: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.code, self.detail = kind, code, detail


class Verdict(Exception):
    """The work was not done, and it seems to be the bytes' fault; `certain`: no doubt about it."""

    def __init__(self, detail: str, *, certain: bool) -> None:
        super().__init__(detail)
        self.certain = certain


class TooExpensive(Verdict):
    """The bytes need more CPU time or memory than they may have."""


class Broke(Verdict):
    """The bytes ended the process, or made the task fail in a way that nobody foresaw."""


class Gone(Exception):
    """The process had ended before it took the work; the bytes have nothing to do with it."""


class LimitedProcess:
    """Started at once; whoever uses it first waits until it is ready. One user at a time."""

    def __init__(self, limits: Limits, modules: Sequence[str], idle_seconds: float) -> None:
        self.limits = limits
        self.used = False
        self.memory_limited: bool | None = None
        self._sock, theirs = socket.socketpair()
        numbers = [str(limits.memory), str(limits.cpu_seconds), str(idle_seconds)]
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-B", "-m", __package__ + ".child", *numbers, *modules],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=_environment(),
                    cwd="/",
                )
        except OSError as error:
            self._sock.close()
            raise _unavailable(f"{error.strerror or error}") from error

    def is_alive(self) -> bool:
        """Whether it can be given work."""
        return self._process.poll() is None

    def run(self, task: str, data: bytes, facts: Facts, max_answer: int) -> Answer:
        """Have the work done. Raises Refused, TooExpensive, Broke, Gone and Unavailable."""
        self._await_ready()
        deadline = time.monotonic() + self.limits.clock_seconds
        sent = False
        try:
            wire.send(self._sock, {"task": task, **facts}, data, seconds=self.limits.clock_seconds)
            sent = True
            answer, made = wire.receive(self._sock, max_answer, deadline=deadline)
        except TimeoutError as error:
            self.close()
            # The machine may have been busy: this is not the CPU's time, but the clock's.
            raise TooExpensive("no answer in time", certain=False) from error
        except (EOFError, OSError, wire.Malformed) as error:
            raise self._ended(sent, error) from error
        was_used, self.used = self.used, True
        return _answer(answer, made, was_used=was_used)

    def close(self) -> None:
        """End it now, whatever it does."""
        self._sock.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _await_ready(self) -> None:
        if self.memory_limited is not None:
            return
        try:
            said, _ = wire.receive(self._sock, 0, deadline=time.monotonic() + START_SECONDS)
        except (EOFError, OSError, wire.Malformed) as error:
            self.close()
            raise _unavailable(f"it ended with status {self._process.returncode}") from error
        self.memory_limited = bool(said["memory_limited"])

    def _ended(self, sent: bool, error: Exception) -> Exception:
        """Say what its end means."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if isinstance(error, wire.Malformed) else _LAST_SECONDS)
        self.close()
        status = self._process.returncode
        if status == -signal.SIGXCPU:
            return TooExpensive("too much CPU time", certain=True)
        if status == 0 and self.used and isinstance(error, (EOFError, OSError)):
            return Gone()
        how = f"signal {-status}" if status < 0 else f"status {status}"
        when = "" if sent else " before it had all of it"
        return Broke(f"the process ended ({how}){when}", certain=False)


def _answer(answer: Facts, made: bytes, *, was_used: bool) -> Answer:
    match answer.get("error"):
        case None:
            return Answer(answer, made)
        case "refused":
            raise Refused(str(answer["kind"]), str(answer["code"]), str(answer["detail"]))
        case "memory":
            # A used process may hold on to some.
            raise TooExpensive("too much memory", certain=not was_used)
        case _:
            raise Broke(str(answer.get("detail")), certain=True)


def _environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # It finds what we find, wherever it stands.
    path = os.pathsep.join(str(folder or Path.cwd()) for folder in sys.path)
    return {**passed_on, **_ITS_OWN, "PYTHONPATH": path}


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        f"The process that reads pictures could not be started ({why}); try again later.",
        code="decoder_unavailable",
        retry_after=5,
    )
