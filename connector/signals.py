"""Unix signals for a `select` loop: a handler that only notes them, and a descriptor that wakes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from connector.errors import ConfigurationError

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def signals_to(take: Callable[[int], None]) -> Iterator[int]:
    """Pass stop signals to `take`; yield a descriptor that any of them, or SIGCHLD, makes readable.

    A SIGHUP that is ignored already stays so: that is how `nohup` asks to survive the terminal.
    Raises ConfigurationError outside the main thread, where Python delivers no signals.
    """

    def handle(number: int, _: FrameType | None) -> None:
        take(number)

    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    try:
        before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    except ValueError as error:
        os.close(reader)
        os.close(writer)
        raise ConfigurationError("A supervisor runs in the main thread only.") from error
    numbers = {*STOP_SIGNALS, signal.SIGCHLD}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        numbers.discard(signal.SIGHUP)
    handlers = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield reader
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


def empty(descriptor: int) -> None:
    """Read and drop what a non-blocking descriptor holds."""
    with suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            pass
