"""One `colabel up` per data folder: a lock that the kernel frees whatever becomes of its holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.errors import Conflict


@contextmanager
def data_folder_lock(data_dir: Path) -> Iterator[None]:
    """Hold the lock DATA/run/up.lock, with our process id inside, for the length of the block.

    The descriptor is not inherited by child processes, so nothing but our own end releases it.
    Raises Conflict when another process holds it; the sentence names that process and the folder.
    """
    path = data_dir / "run" / "up.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode().strip() or "of unknown number"
            raise Conflict(
                f"colabel is already running on {data_dir} (process {holder}); use that one, stop "
                "it first, or give this one a folder of its own with --data.",
                code="already_running",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
