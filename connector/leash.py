"""Ties processes to their supervisor, so that even `kill -9` of it leaves none behind (Linux).

Run as a script with `python -I -S` (standard library only, a few milliseconds), in two roles:

    leash.py exec PARENT -- ARGV…   become ARGV, and be killed by the kernel when PARENT dies
    leash.py watch MARK             wait for end of input, then kill every process with the mark

The kernel's parent-death signal reaches direct children only. Their own children (web workers, job
processes, which may have made process groups of their own) are found by a mark in the environment,
which every process inherits and keeps whatever its parent, group or session becomes. (Redis writes
its title over its environment; it is a direct child, so the kernel's signal ends it.)
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

VARIABLE = "COLABEL_MEMBER_OF"
PROC = Path("/proc")
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def prctl(option: int, value: int) -> None:
    """Call prctl(2) with one argument; does nothing on other systems than Linux.

    Raises OSError when the kernel refuses.
    """
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def marked(mark: str) -> list[int]:
    """Return the process ids that carry `mark`: "run" for a whole run, "run/name" for one child.

    Only processes of the same user can be read; elsewhere than on Linux the list is empty.
    """
    exact = f"{VARIABLE}={mark}".encode()
    prefix = exact + b"/"
    found = []
    for entry in PROC.iterdir() if PROC.is_dir() else ():
        if not entry.name.isdigit():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended while we looked, or belongs to another user
            continue
        if any(value == exact or value.startswith(prefix) for value in variables):
            found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


def sweep(mark: str, patience: float = 3.0) -> int:
    """Kill every process with the mark until none is left, or for `patience` seconds.

    Returns how many processes were killed.
    """
    killed: set[int] = set()
    deadline = time.monotonic() + patience
    while (found := marked(mark)) and time.monotonic() < deadline:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.add(pid)
        time.sleep(0.005)  # what was killed needs a moment to go; what it just forked is next
    return len(killed)


def _become(parent: int, argv: list[str]) -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the request above was in force
        sys.exit(1)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is what we want
    except OSError as error:
        sys.exit(f"{argv[0]} cannot be started: {error.strerror}")


def _watch(mark: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 4096):  # nothing is ever written: the end of input is the supervisor's end
        pass
    sweep(mark)


def main(arguments: list[str]) -> None:
    """Play the role that the first argument names."""
    if arguments[0] == "exec":
        _become(int(arguments[1]), arguments[3:])
    else:
        _watch(arguments[1])


if __name__ == "__main__":
    main(sys.argv[1:])
