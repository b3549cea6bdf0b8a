"""Group commit: many threads, few transactions, and no part harms another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.session import want
from connector.db.tables import Fact
from connector.db.together import Together
from connector.errors import Unavailable, Unprocessable

THREADS = 12


def note(number: int) -> Any:
    def write(connection: Connection) -> int:
        connection.execute(insert(Fact).values(key=f"number {number}", value={"n": number}))
        if number % 5 == 4:
            raise Unprocessable(f"{number} is not wanted")
        return number

    return write


def kept(database: Database) -> set[int]:
    with database.read() as session:
        return {value["n"] for value in session.scalars(select(Fact.value))}


def until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def commits(database: Database) -> Iterator[list[int]]:
    """Count the transactions that are committed inside the block."""
    counted: list[int] = []

    def count(_connection: Connection) -> None:
        counted.append(1)

    event.listen(database.engine, "commit", count)
    yield counted
    event.remove(database.engine, "commit", count)


def write_at_once(together: Together, held: threading.Event) -> list[Future[int]]:
    """Start all threads while the first transaction is held up, so that the others gather."""
    pool = ThreadPoolExecutor(THREADS)
    futures = [pool.submit(together.run, note(0))]
    until(lambda: together._committing.locked() and not together._gathered)
    futures += [pool.submit(together.run, note(number)) for number in range(1, THREADS)]
    until(lambda: len(together._gathered) == THREADS - 1)
    held.set()
    pool.shutdown()
    return futures


def test_a_group_is_one_transaction_and_a_bad_part_harms_only_itself(database: Database) -> None:
    held = threading.Event()

    @contextmanager
    def writing() -> Iterator[Connection]:
        assert held.wait(10)
        with database.writing() as connection:
            yield connection

    with commits(database) as counted:
        futures = write_at_once(Together(writing), held)
    good = [number for number in range(THREADS) if number % 5 != 4]
    for number, future in enumerate(futures):
        if number in good:
            assert future.result() == number
        else:
            with pytest.raises(Unprocessable, match=f"{number} is not wanted"):
                future.result()
    assert kept(database) == set(good)
    # The first alone; then the group, which a bad part breaks up into single ones.
    assert len(counted) == len(good)


def test_writes_that_come_together_share_one_commit(database: Database) -> None:
    held = threading.Event()

    @contextmanager
    def writing() -> Iterator[Connection]:
        assert held.wait(10)
        with database.writing() as connection:
            yield connection

    together = Together(writing)
    with commits(database) as counted, ThreadPoolExecutor(4) as pool:
        first = pool.submit(together.run, note(0))
        until(lambda: together._committing.locked() and not together._gathered)
        others = [pool.submit(together.run, note(number)) for number in (1, 2, 3)]
        until(lambda: len(together._gathered) == 3)
        held.set()
        assert [future.result() for future in (first, *others)] == [0, 1, 2, 3]
    assert len(counted) == 2
    assert kept(database) == {0, 1, 2, 3}


def test_a_database_that_is_away_is_told_to_everybody_in_the_group() -> None:
    held, tries = threading.Event(), []

    @contextmanager
    def writing() -> Iterator[Connection]:
        assert held.wait(10)
        tries.append(1)
        raise Unavailable("The database did not answer in time.")
        yield  # type: ignore[unreachable]

    futures = write_at_once(Together(writing), held)
    for future in futures:
        with pytest.raises(Unavailable):
            future.result()
    assert len(tries) == 2


def test_the_database_writes_together_on_either_engine(database: Database) -> None:
    rings: list[str] = []
    database.ring = rings.append
    with ThreadPoolExecutor(8) as pool:
        futures = [
            pool.submit(database.write_together, note(number), job="classify")
            for number in range(40)
        ]
        failed = {number for number, future in enumerate(futures) if future.exception() is not None}
    assert failed == {number for number in range(40) if number % 5 == 4}
    assert kept(database) == set(range(40)) - failed
    assert set(rings) == {"classify"}
    assert len(rings) <= 40


def test_a_ring_comes_after_the_commit(database: Database) -> None:
    seen: list[set[int]] = []
    database.ring = lambda _job: seen.append(kept(database))
    assert database.write_together(note(1), job="classify") == 1
    assert seen == [{1}]


def test_sessions_share_a_transaction_and_say_what_they_want(database: Database) -> None:
    rings: list[str] = []
    database.ring = rings.append

    def write(number: int) -> int:
        def part(session: Session) -> int:
            session.add(Fact(key=f"number {number}", value={"n": number}))
            if number % 5 == 4:
                raise Unprocessable(f"{number} is not wanted")
            if number == 7:
                want(session, "deliver")
            return number

        return database.share(part, group="act")

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(write, number) for number in range(40)]
    for number, future in enumerate(futures):
        if number % 5 == 4:
            with pytest.raises(Unprocessable):
                future.result()
        else:
            assert future.result() == number
    assert kept(database) == {number for number in range(40) if number % 5 != 4}
    assert rings == ["deliver"]


def test_what_a_shared_session_returns_can_be_read_on(database: Database) -> None:
    def part(session: Session) -> Fact:
        fact = Fact(key="kept", value={"n": 1})
        session.add(fact)
        return fact

    assert database.share(part, group="act").value == {"n": 1}
    assert kept(database) == {1}
