"""Writers on SQLite wait for their turn, and are told when it does not come."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from connector.db import Database, session
from connector.errors import Unavailable


@pytest.fixture
def two(tmp_path: Path) -> tuple[Database, Database]:
    """Give the same file twice, as two processes would open it."""
    url = f"sqlite:///{tmp_path / 'two.db'}"
    first, second = Database(url), Database(url)
    with first.writing() as connection:
        connection.execute(text("CREATE TABLE notes (who TEXT)"))
    return first, second


def names(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(text("SELECT who FROM notes")))


def test_a_writer_gets_its_turn_soon_after_it_is_free(two: tuple[Database, Database]) -> None:
    first, second = two
    entered = threading.Event()

    def write() -> None:
        entered.set()
        with second.writing() as connection:
            connection.execute(text("INSERT INTO notes VALUES ('second')"))

    thread = threading.Thread(target=write)
    with first.writing() as connection:
        connection.execute(text("INSERT INTO notes VALUES ('first')"))
        thread.start()
        assert entered.wait(5)
        # Long enough for SQLite's own waits to have grown to their longest.
        thread.join(0.5)
        assert thread.is_alive()
    free_since = time.monotonic()
    thread.join(5)
    assert time.monotonic() - free_since < 1
    assert names(first) == ["first", "second"]


def test_a_place_that_never_gets_free_is_told(
    two: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    monkeypatch.setattr(session, "BUSY_SECONDS", 0.2)
    with first.writing():
        with pytest.raises(Unavailable, match="Try again in a moment"), second.writing():
            pytest.fail("two writers at once")
        assert names(second) == []
    with second.writing() as connection:
        connection.execute(text("INSERT INTO notes VALUES ('second')"))
    assert names(first) == ["second"]


def test_a_wrong_question_is_not_taken_for_a_database_that_is_away(
    two: tuple[Database, Database],
) -> None:
    with pytest.raises(OperationalError, match="no such column: whom"), two[0].reading() as asked:
        asked.execute(text("SELECT whom FROM notes"))


def test_a_failed_write_leaves_nothing(two: tuple[Database, Database]) -> None:
    first, second = two

    def fail() -> None:
        with first.writing() as connection:
            connection.execute(text("INSERT INTO notes VALUES ('first')"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with second.writing():
        assert names(first) == []
