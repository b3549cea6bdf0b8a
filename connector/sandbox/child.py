"""The limited process: `python -m connector.sandbox.child MEMORY CPU_SECONDS IDLE_SECONDS MODULES`.

Its standard input is the socket that work comes from and answers go to. The modules are imported
before the limits are set. It ends when the other end is gone, or, unless IDLE_SECONDS is 0, when
nothing came for so long.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
from collections.abc import Callable

from connector.sandbox import wire
from connector.sandbox.limits import allow_cpu, confine
from connector.sandbox.wire import Facts

Task = Callable[[bytes, Facts], tuple[Facts, bytes]]


def main(arguments: list[str]) -> None:
    """Import, confine, say so, and work until the end."""
    memory, cpu_seconds, idle = int(arguments[0]), float(arguments[1]), float(arguments[2])
    sock = socket.socket(fileno=0)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Sent to all at once when the service stops; whoever we work for may need an answer still.
        signal.signal(number, signal.SIG_IGN)
    for module in arguments[3:]:
        importlib.import_module(module)
    gc.freeze()
    wire.send(sock, {"memory_limited": confine(memory)}, b"")
    # What libraries print about broken files is no news, and could fill the log.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    while select.select([sock], [], [], idle or None)[0]:
        try:
            facts, data = wire.receive(sock, None)
        except (EOFError, ConnectionError):
            return
        # Pictures that refer to themselves would hold on to what the next one needs.
        gc.collect()
        allow_cpu(cpu_seconds)
        try:
            answer, made = _function(facts.pop("task"))(data, facts)
        except MemoryError:
            # What is left of the memory is not known: the next one gets a fresh process.
            wire.send(sock, {"error": "memory"}, b"")
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            wire.send(sock, _said(error), b"")
            continue
        wire.send(sock, answer, made)


def _function(name: str) -> Task:
    module, _, function = name.partition(":")
    task: Task = getattr(importlib.import_module(module), function)
    return task


def _said(error: Exception) -> Facts:
    """Describe an error: our own kinds (code, detail) go on as they are, others broke something."""
    code, detail = getattr(error, "code", None), getattr(error, "detail", None)
    if isinstance(code, str) and isinstance(detail, str):
        return {"error": "refused", "kind": type(error).__name__, "code": code, "detail": detail}
    return {"error": "broke", "detail": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    main(sys.argv[1:])
