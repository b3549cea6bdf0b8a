"""Messages between the two ends of a socket: facts as JSON, then bytes. Nothing is unpickled."""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from typing import Any

_HEAD = struct.Struct(">IQ")
MAX_FACTS = 65_536

Facts = dict[str, Any]


class Malformed(Exception):
    """The other end does not speak as agreed."""


def send(sock: socket.socket, facts: Facts, data: bytes, *, seconds: float | None = None) -> None:
    """Send one message within `seconds`. Raises OSError (TimeoutError too)."""
    text = json.dumps(facts).encode()
    sock.settimeout(seconds)
    sock.sendall(_HEAD.pack(len(text), len(data)) + text)
    if data:
        sock.sendall(data)


def receive(
    sock: socket.socket, max_bytes: int | None, *, deadline: float = math.inf
) -> tuple[Facts, bytes]:
    """Receive one message before `deadline` (time.monotonic).

    Raises EOFError when the other end is gone, OSError (TimeoutError too), and Malformed, also for
    more than `max_bytes` of data.
    """
    length, size = _HEAD.unpack(_exactly(sock, _HEAD.size, deadline))
    if length > MAX_FACTS or (max_bytes is not None and size > max_bytes):
        raise Malformed(f"{length} bytes of facts, {size} of data")
    try:
        facts = json.loads(_exactly(sock, length, deadline))
    except ValueError as error:
        raise Malformed("the facts are not JSON") from error
    if not isinstance(facts, dict):
        raise Malformed("the facts are not an object")
    return facts, _exactly(sock, size, deadline)


def _exactly(sock: socket.socket, size: int, deadline: float) -> bytes:
    whole = bytearray(size)
    view, done = memoryview(whole), 0
    while done < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        sock.settimeout(None if left == math.inf else left)
        received = sock.recv_into(view[done:])
        if not received:
            raise EOFError
        done += received
    return bytes(whole)
