"""Two transactions at the same moment, in an order that a test can rely on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy.orm import Session

from connector.db import Database

# How long the other is given to come through before the commit; whoever need not wait needs less.
SECONDS = 0.5


def meanwhile(
    database: Database,
    first: Callable[[Session], Any],
    second: Callable[[], Any],
    seconds: float = SECONDS,
) -> tuple[Any, Any, bool]:
    """Run `second` in another thread while `first` has not committed.

    Returns what both returned, and whether the second came through before the commit.
    """
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            mine = first(session)
            theirs: Future[Any] = pool.submit(second)
            theirs.add_done_callback(lambda _: done.set())
            in_time = done.wait(seconds)
        return mine, theirs.result(timeout=30), in_time
