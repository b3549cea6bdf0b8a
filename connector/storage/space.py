"""Room on a local disk: looked at before bytes are taken, and said when there is none."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.errors import NoSpace

FULL = (errno.ENOSPC, errno.EDQUOT)
FREE_CHECK_SECONDS = 1.0


class FreeSpace:
    """The floor below which the disk that holds `root` takes nothing more."""

    def __init__(self, root: Path, min_free_bytes: int) -> None:
        self._root, self._min_free_bytes = root, min_free_bytes
        self._checked_at = 0.0

    def check(self) -> None:
        """Look, at most once a second. Raises NoSpace."""
        now = time.monotonic()
        if now - self._checked_at < FREE_CHECK_SECONDS:
            return
        if shutil.disk_usage(self._root).free < self._min_free_bytes:
            raise NoSpace(
                f"Less than {self._min_free_bytes // 1_000_000} MB are free on the disk that holds "
                f"{self._root}; free some space, or lower COLABEL_MIN_FREE_BYTES."
            )
        self._checked_at = now


@contextmanager
def full_said(root: Path) -> Iterator[None]:
    """Turn the system's error about a full disk into ours. Raises NoSpace."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(f"The disk that holds {root} is full; free some space.") from error
        raise
