"""What a terminal shows: a progress line and tables."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import click

WIDTH = 24


class Bar:
    """A line that says how far something is; where there is no terminal, one line per step."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()
        self._step: str | None = None
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_line()

    def update(self, step: str, done: int, total: int, text: str = "") -> None:
        """Show that `done` of `total` of this step are done."""
        if not self._tty:
            if step != self._step:
                click.echo(f"{step} …", err=True)
            self._step = step
            return
        if self._step is not None and step != self._step:
            self._end_line()
        self._step, self._open = step, True
        share = min(1.0, done / total) if total else 0.0
        filled = round(share * WIDTH)
        line = f"{step:<12}[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%}  {text}"
        click.echo("\r\033[K" + line[: shutil.get_terminal_size().columns - 1], nl=False, err=True)

    def _end_line(self) -> None:
        if self._open:
            click.echo(err=True)
        self._open = False


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as text in aligned columns; numbers stand to the right."""
    cells = [list(header), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    right = [
        bool(rows) and all(isinstance(row[i], int | float) for row in rows)
        for i in range(len(header))
    ]
    lines = []
    for row in cells:
        padded = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def percent(share: float) -> str:
    """Return 0.953 as "95.3%"."""
    return f"{share:.1%}"
