"""Sessions: short transactions, never held over slow work."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session, sessionmaker

from connector.db import postgres, tallies
from connector.db.together import Together
from connector.errors import Unavailable

BUSY_SECONDS = 20
BUSY_POLL_SECONDS = 0.001
WANTED = "wanted_jobs"
AFTERWARDS = "afterwards"

T = TypeVar("T")


def _configure_sqlite(engine: Engine) -> None:
    """Make SQLite durable, concurrent and honest: WAL, FULL sync, foreign keys, BEGIN IMMEDIATE."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # The driver's own implicit BEGIN is deferred: two writers that both read first would then
        # fail at once, whatever busy_timeout says. So we begin ourselves, below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        if connection.get_execution_options().get("colabel_write", False):
            _begin_writing(connection)
        else:
            connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: Any) -> None:
    """Take SQLite's one place for a writer, as soon as it is free.

    SQLite itself looks again after waits that grow to 100 ms, so that whoever waits long waits
    longer. Measured with five processes that write all the time: looking every millisecond gives
    twice the commits, and the longest wait is 0.4 s instead of 3.
    """
    driver = connection.connection.driver_connection
    deadline = time.monotonic() + BUSY_SECONDS
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < deadline:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
            else:
                return
            time.sleep(BUSY_POLL_SECONDS)
        # Once more by SQLAlchemy's road, which raises what callers expect.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


def make_engine(url: str) -> Engine:
    """Return an engine for `url` (sqlite:/// or postgresql+psycopg://)."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed, connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS}, pool_size=16
        )
        _configure_sqlite(engine)
        return engine
    return postgres.make_engine(parsed, patience=BUSY_SECONDS)


class Database:
    """One engine and the two ways to use it: `read()` and `write()`."""

    def __init__(self, url: str, ring: Callable[[str], object] | None = None) -> None:
        self.engine = make_engine(url)
        # Called with the name of each job that a committed transaction made work for.
        self.ring = ring
        self._read = sessionmaker(self.engine, expire_on_commit=False)
        self._writer = self.engine.execution_options(colabel_write=True)
        self._write = sessionmaker(self._writer, expire_on_commit=False)
        self._groups: dict[str, Together] = {}

    @property
    def is_sqlite(self) -> bool:
        """Say whether this is SQLite."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session for reading; nothing it does is kept."""
        with self._guard(), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session that is committed at the end; the jobs it wants are then rung for.

        Raises Unavailable when the database stays locked or cannot be reached.
        """
        with self._guard(), self._write() as session:
            with session.begin():
                yield session
                tallies.flush(session)
            info = dict(session.info)
        self._after(info)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a bare connection for reading: for hot roads, a fraction of a session's cost."""
        with self._guard(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a bare connection that is committed at the end; the caller rings by `rung`."""
        with self._guard(), self._writer.begin() as connection:
            yield connection

    def write_together(self, write: Callable[[Connection], T], *, job: str) -> T:
        """Return what `write` returned, committed with what other threads write just now.

        For hot roads with many small writes that make work for `job`, which is rung for once a
        group; see `connector.db.together` for what `write` may do. PostgreSQL groups the commits
        of its connections by itself.
        """
        if self.is_sqlite:
            return self._together(job).run(write, lambda: self.rung(job))
        with self.writing() as connection:
            value = write(connection)
        self.rung(job)
        return value

    def share(self, write: Callable[[Session], T], *, group: str) -> T:
        """Return what `write` returned, committed with what other threads of `group` write now.

        `write` gets a session and may say what it wants; it obeys the rules of
        `connector.db.together`. Raises what it raised, and Unavailable.
        """
        if not self.is_sqlite:
            with self.write() as session:
                return write(session)

        def part(connection: Connection) -> tuple[T, dict[Any, Any]]:
            # Closing this session leaves the transaction, which is the whole group's, as it is.
            with Session(connection, expire_on_commit=False) as session:
                value = write(session)
                session.flush()
                tallies.flush(session)
                return value, dict(session.info)

        value, info = self._together(group).run(part)
        self._after(info)
        return value

    def _after(self, info: dict[Any, Any]) -> None:
        """Do what a transaction asked for in case that it is committed, which it now is."""
        self.rung(*dict.fromkeys(info.get(WANTED, [])))
        for call in info.get(AFTERWARDS, []):
            call()

    def _together(self, group: str) -> Together:
        return self._groups.setdefault(group, Together(self.writing))

    def rung(self, *jobs: str) -> None:
        """Ring for these jobs now: their work is committed."""
        if self.ring is not None:
            for name in jobs:
                self.ring(name)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, NoConnectionFree) as error:
            if not _is_away(error):
                raise
            raise Unavailable(
                "The database did not answer in time; nothing was changed. Try again in a moment.",
                code="database_unavailable",
                retry_after=5,
            ) from error

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _is_away(error: DBAPIError | NoConnectionFree) -> bool:
    """Whether the database could not be asked, as against having been asked something wrong."""
    if isinstance(error, OperationalError):
        # For SQLite a table or column that is not there is an operational error like a lock.
        return getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR
    return isinstance(error, NoConnectionFree) or error.connection_invalidated


def want(session: Session, job: str) -> None:
    """Say that this transaction leaves work for `job`; it is rung for after the commit."""
    session.info.setdefault(WANTED, []).append(job)


def afterwards(session: Session, call: Callable[[], object]) -> None:
    """Have `call` called once this transaction is committed: to tell of it, say, in the log.

    Not for what must happen: a process that dies just then does not.
    """
    session.info.setdefault(AFTERWARDS, []).append(call)


def alone(session: Session, what: str) -> None:
    """Let no other writing transaction that asks for the same `what` go on before this one ends."""
    # A session's transaction begins with its first statement; SQLite's take turns from then on.
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        key = func.hashtextextended(what, 0)
        session.execute(select(func.pg_advisory_xact_lock(key)))


def now(session: Session) -> datetime:
    """Return the database's time, so that leases on many hosts agree (UTC)."""
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)
