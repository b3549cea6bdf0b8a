"""What the demo prints: numbered steps of one line each, with a bar where there is a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_BAR = 20


class Step:
    """One step under way: tell `progress` while it goes on, and `result` what it came to."""

    def __init__(self, screen: Screen, title: str) -> None:
        self.result = "done"
        self._screen = screen
        self._title = title

    def progress(self, done: int, total: int, text: str = "") -> None:
        """Show how far it is; only on a terminal."""
        filled = round(_BAR * min(1.0, done / total)) if total else 0
        self._screen.redraw(f"{self._title} [{'#' * filled}{'.' * (_BAR - filled)}] {text}")


class Screen:
    """Writes to `stream`, standard output unless told otherwise."""

    def __init__(self, steps: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._tty = self._stream.isatty()
        self._steps = steps
        self._number = 0

    def say(self, text: str = "") -> None:
        """Write lines."""
        self._write(f"{text}\n")

    def redraw(self, line: str) -> None:
        """Replace the line that is being written, on a terminal."""
        if self._tty:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\033[K{line[:width]}")

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Begin a step; at the end of the block its line gets the result and the seconds."""
        self._number += 1
        head = f"{self._number}/{self._steps}  {title}"
        step, began = Step(self, head), time.monotonic()
        self._write(head)
        try:
            yield step
        except BaseException:
            self._write("\n")
            raise
        seconds = f"({time.monotonic() - began:.1f} s)"
        if self._tty:
            self._write(f"\r\033[K{head}")
        self._write(f": {step.result} {seconds}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
