"""The output of many processes as one stream of whole lines, each with its process's name."""

from __future__ import annotations

import os
import queue
import re
import threading
from collections import deque
from typing import BinaryIO

READ_SIZE = 65_536
LONGEST_LINE = 65_536
REMEMBERED_LINES = 20


class Output:
    """Writes lines to `stream` from a thread of its own.

    A terminal that takes nothing (paused, a pager) must stop neither the supervisor nor the
    processes that log: beyond `room` waiting lines, lines are dropped and their number is said.
    With `prefix` each line begins "name | "; without it lines pass as they are (JSON logs).
    """

    def __init__(self, stream: BinaryIO, *, prefix: bool = True, room: int = 10_000) -> None:
        self._stream = stream
        self._prefix = prefix
        self._width = 8
        self._dropped = 0
        self._lines: queue.Queue[bytes | None] = queue.Queue(maxsize=room)
        self._thread = threading.Thread(target=self._write, name="output", daemon=True)
        self._thread.start()

    def line(self, name: str, text: bytes) -> None:
        """Queue one line (without its end) that `name` has said."""
        self._width = max(self._width, len(name))
        self._put((f"{name:<{self._width}} | ".encode() if self._prefix else b"") + text)

    def text(self, text: str) -> None:
        """Queue text for a person, as it is, without a name."""
        for line in text.splitlines():
            self._put(line.encode())

    def close(self, timeout: float = 1.0) -> None:
        """Write what is waiting, for at most `timeout` seconds."""
        try:
            self._lines.put(None, timeout=timeout)
        except queue.Full:  # the stream takes nothing: what waits is given up
            return
        self._thread.join(timeout)

    def _put(self, line: bytes) -> None:
        try:
            self._lines.put_nowait(line + b"\n")
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._stream.write(line)
                if self._dropped and self._lines.empty():
                    dropped, self._dropped = self._dropped, 0
                    self._stream.write(b"(%d lines of output were not taken)\n" % dropped)
                if self._lines.empty():
                    self._stream.flush()
            except (OSError, ValueError):  # the reader has gone (closed pipe): nobody to tell
                self._dropped = 0


class Channel:
    """One process's output pipe: bytes in, whole lines out; the last lines are remembered."""

    def __init__(self, name: str, output: Output, hide: re.Pattern[str] | None = None) -> None:
        self._name = name
        self._output = output
        self._hide = hide
        self._partial = b""
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        self.last_lines: deque[str] = deque(maxlen=REMEMBERED_LINES)

    def started(self) -> None:
        """Close our copy of the writing end, once the process has its own."""
        os.close(self.write_fd)

    def drain(self) -> bool:
        """Pass on what there is to read now; return False at the end of the pipe."""
        for _ in range(16):  # then others have their turn
            try:
                data = os.read(self.read_fd, READ_SIZE)
            except BlockingIOError:
                return True
            if not data:
                self.close()
                return False
            self._take(data)
        return True

    def close(self) -> None:
        """Pass on an unfinished last line and close the pipe; further calls do nothing."""
        if self.read_fd < 0:
            return
        if self._partial:
            self._emit(self._partial)
            self._partial = b""
        os.close(self.read_fd)
        self.read_fd = -1

    def _take(self, data: bytes) -> None:
        *lines, rest = (self._partial + data).split(b"\n")
        for line in lines:
            self._emit(line)
        if len(rest) >= LONGEST_LINE:
            self._emit(rest)
            rest = b""
        self._partial = rest

    def _emit(self, line: bytes) -> None:
        line = line.removesuffix(b"\r")
        text = line.decode(errors="replace")
        self.last_lines.append(text)
        if self._hide is None or not self._hide.search(text):
            self._output.line(self._name, line)
