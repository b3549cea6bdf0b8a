"""Running totals: exact under threads, crashes and rollbacks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from connector.db import Database, tallies
from connector.domain import numbers


def shown(database: Database) -> dict[tuple[str, str], float]:
    with database.read() as session:
        return {
            (one.name, " ".join(f"{k}={v}" for k, v in one.labels.items())): one.value
            for one in numbers.totals(session)
        }


def test_a_transaction_counts_only_when_it_is_committed(database: Database) -> None:
    with database.write() as session:
        tallies.add(session, "work", what="study", outcome="done")
        tallies.add(session, "work", 2, outcome="done", what="study")

    def break_off() -> None:
        with database.write() as session:
            tallies.add(session, "work", what="study", outcome="done")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert shown(database) == {("work", "outcome=done what=study"): 3}


def test_threads_lose_nothing_and_nobody_waits_in_a_circle(database: Database) -> None:
    def count(number: int) -> None:
        names = ["a", "b", "c"] if number % 2 else ["c", "b", "a"]
        with database.write() as session:
            for name in names:
                tallies.add(session, name)
        database.share(lambda session: tallies.add(session, "shared"), group="test")
        with database.writing() as connection:
            tallies.write(connection, {tallies.key("now", way="x"): 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(40)))
    found = shown(database)
    assert found == {
        **dict.fromkeys([("a", ""), ("b", ""), ("c", ""), ("shared", "")], 40),
        ("now", "way=x"): 40,
    }


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(-3.0, "0.1"), (0.1, "0.1"), (0.11, "0.25"), (86_400, "86400"), (90_000, "+Inf")],
)
def test_a_duration_falls_into_the_bucket_it_fits(
    database: Database, seconds: float, bucket: str
) -> None:
    with database.write() as session:
        tallies.observe(session, "action_seconds", seconds, kind="move")
    found = shown(database)
    assert found.pop(("action_seconds", f"kind=move le={bucket}")) == 1
    assert set(found.values()) <= {max(0.0, seconds)}
