"""Being the only one: for as long as the holder lives, however long it says nothing."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import event

from connector.db import Database
from connector.db.exclusive import exclusive

POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@POSTGRES
def test_the_limit_on_idle_transactions_does_not_end_it(database: Database) -> None:
    limit = "SET idle_in_transaction_session_timeout = 50"

    @event.listens_for(database.engine, "checkout")
    def shorten(connection: object, *_: object) -> None:
        connection.execute(limit)  # type: ignore[attr-defined]
        connection.commit()  # type: ignore[attr-defined]

    idle = threading.Event()
    with exclusive(database, "test") as still:
        idle.wait(0.5)
        still()


def test_there_is_one_at_a_time(database: Database) -> None:
    inside = threading.Event()

    def second() -> None:
        with exclusive(database, "test"):
            inside.set()

    thread = threading.Thread(target=second)
    with exclusive(database, "test") as still:
        thread.start()
        assert not inside.wait(0.3)
        still()
    thread.join(10)
    assert inside.is_set()
