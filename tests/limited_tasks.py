"""What the tests have limited processes do: imported there by its name, never here."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

from connector.errors import TooLarge

Facts = dict[str, Any]


def turn(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Return the bytes backwards, and who did it."""
    return {"process": os.getpid(), "asked": facts}, data[::-1]


def spin(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Compute for ever."""
    while True:
        pass


def sleep(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Take no computing time, and for ever."""
    time.sleep(3600)
    return {}, b""


def swell(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Take memory, and show how much there is."""
    taken = bytearray(facts["bytes"])
    return {"taken": len(taken)}, b""


def abort(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """End as a broken library does, and leave a mark of each time."""
    os.kill(os.getpid(), facts.get("signal", 6))
    return {}, b""


def stumble(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Raise what nobody foresaw."""
    raise ZeroDivisionError("of all things")


def refuse(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Raise an error of our own."""
    raise TooLarge("It is too large.", code="too_many_pixels")


def babble(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Say what nobody can understand, as a process in somebody else's hands may."""
    with socket.socket(fileno=os.dup(0)) as sock:
        sock.sendall(b"\xff" * 64)
    return {}, b""


def environment(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Show what it knows of ours."""
    return {"names": sorted(os.environ)}, b""


def write(data: bytes, facts: Facts) -> tuple[Facts, bytes]:
    """Try to leave a file behind."""
    try:
        Path(facts["path"]).write_bytes(b"x" * 100_000)
    except OSError as error:
        return {"failed": error.strerror}, b""
    return {}, b""
