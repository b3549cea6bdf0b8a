"""Keeping what is claimed while slow work is done, and ending a worker that hangs in it."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import threading
from collections.abc import Iterator
from typing import Any

from connector.domain import leases
from connector.errors import Unavailable
from workers.runtime import Runtime

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def keep(rt: Runtime, table: Any, claim: leases.Claim) -> Iterator[None]:
    """Renew the lease three times per its length until the block ends.

    Should that fail, nothing breaks: another worker takes over and our later writes are refused.
    """
    seconds = rt.settings.lease_seconds
    finished = threading.Event()

    def renew() -> None:
        while not finished.wait(seconds / 3):
            try:
                with rt.database.write() as session:
                    leases.renew(session, table, claim, seconds)
            except Unavailable as error:
                logger.warning("a lease could not be renewed: %s", error.detail)

    thread = threading.Thread(target=renew, name="lease-keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


@contextlib.contextmanager
def watchdog(seconds: float) -> Iterator[None]:
    """End this process, with a traceback, when the block takes longer than `seconds`.

    The timer is a native thread of the interpreter that needs no lock of it: it also ends a
    process whose every Python thread is stuck in C code. The supervisor starts a new one, and the
    lease hands the work on.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
