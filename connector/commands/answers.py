"""Answers for files, without keeping anything: the models run in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from connector.errors import ColabelError

_SUFFIXES = ".jpg .jpeg .jpe .jfif .png .webp .gif .bmp .dib .tif .tiff .heic .heif .hif .avif"
SUFFIXES = frozenset(_SUFFIXES.split())


def answers(
    classifier_id: str,
    files: list[tuple[Path, str | None]],
    each: Callable[[dict[str, Any]], None],
) -> dict[str, Any] | None:
    """Answer (file, true label or None); `each` gets {"path", "probabilities" or "error"}.

    Returns the scores when labels were given, else None. Raises ColabelError with the reason when
    the process could not do it.
    """
    lines = [json.dumps({"path": str(path.absolute()), "label": label}) for path, label in files]
    command = [sys.executable, "-m", "workers.evaluate", classifier_id]
    scores: dict[str, Any] | None = None
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as process,
    ):
        # In a thread: it answers while it still reads, and a full pipe would stop both.
        feeder = threading.Thread(target=_feed, args=(process.stdin, lines))
        feeder.start()
        for line in process.stdout or ():
            message = json.loads(line)
            if "summary" in message:
                scores = message["summary"]
            else:
                each(message)
        feeder.join()
        if process.wait():
            complaints.seek(0)
            said = complaints.read().strip().splitlines()
            raise ColabelError(said[-1] if said else "The model process ended unexpectedly.")
    return scores


def _feed(stream: IO[str] | None, lines: Iterable[str]) -> None:
    if stream is None:
        return
    try:
        with stream:
            stream.writelines(f"{line}\n" for line in lines)
    except BrokenPipeError:
        return  # the process ended early; its own words say why


def labelled_folders(root: Path) -> list[tuple[Path, str | None]]:
    """Return the picture files under `root`, each with its folder's name. Raises ColabelError."""
    files: list[tuple[Path, str | None]] = [
        (path, path.parent.name)
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.parent != root
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    if not files:
        raise ColabelError(
            f"There are no pictures in folders under {root}; make one folder per label.",
            code="no_pictures",
        )
    return files
