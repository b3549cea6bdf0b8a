"""Keeping what is claimed while slow work is done, and ending a worker that hangs in it."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import threading
import time
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
def blameless(rt: Runtime, table: Any, claim: leases.Claim) -> Iterator[None]:
    """Count no strike when the block cannot go on because a neighbour is away; it is done later."""
    try:
        yield
    except Unavailable:
        with rt.database.write() as session:
            leases.rest(session, table, claim)
        raise


# When each block that is being watched must have ended, by the monotonic clock.
_DEADLINES: dict[object, float] = {}
_ARMING = threading.Lock()


@contextlib.contextmanager
def watchdog(seconds: float) -> Iterator[None]:
    """End this process, with a traceback, when the block takes longer than `seconds`.

    Blocks of several threads may be watched at once. The timer is a native thread of the
    interpreter that needs no lock of it: it also ends a process whose every Python thread is stuck
    in C code. The supervisor starts a new one, and the lease hands the work on. Should it stumble
    while it writes down what a running thread does, the process ends by that.
    """
    block = object()
    with _ARMING, _rearmed():
        _DEADLINES[block] = time.monotonic() + seconds
    try:
        yield
    finally:
        with _ARMING, _rearmed():
            del _DEADLINES[block]


@contextlib.contextmanager
def _rearmed() -> Iterator[None]:
    """Set the one timer there is anew if another deadline comes first after the block."""
    before = min(_DEADLINES.values(), default=None)
    yield
    first = min(_DEADLINES.values(), default=None)
    if first is None:
        faulthandler.cancel_dump_traceback_later()
    elif first != before:
        faulthandler.dump_traceback_later(max(first - time.monotonic(), 0.001), exit=True)
