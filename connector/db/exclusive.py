"""A lock for work outside of the database, held across its transactions, by one process of all."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import select, text

from connector.db.session import Database, alone
from connector.errors import Unavailable

SECONDS, POLL_SECONDS = 30.0, 0.005


@contextmanager
def exclusive(database: Database, what: str) -> Iterator[Callable[[], None]]:
    """Be the only one on all machines in a block of this name, for as long as this process lives.

    Unlike a lease it does not run out while its holder stands still. Gives a function that raises
    Unavailable when it no longer holds. Raises Unavailable when others take too long.
    """
    if database.is_sqlite:
        with _file_lock(f"{database.engine.url.database}.{what}"):
            yield _holds
        return
    with database.write() as session:
        session.execute(text(f"SET LOCAL lock_timeout = '{int(SECONDS)}s'"))
        # It has nothing to say while its holder works; keepalives end it if the host is gone.
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        alone(session, f"colabel {what}")

        def still() -> None:
            # Should the connection have been cut, another one may hold the lock by now.
            session.execute(select(1))

        yield still


def _holds() -> None:
    """Say nothing: whoever has locked a file has it until the end."""


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    """Hold a lock on a file beside the database: whoever uses SQLite is on this machine."""
    until = time.monotonic() + SECONDS
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # Threads of this process are kept out, too: each has opened the file for itself.
        while not _taken(descriptor):
            if time.monotonic() > until:
                raise Unavailable(
                    "Another process takes very long with this; try again in a moment.",
                    code="database_unavailable",
                    retry_after=5,
                )
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
