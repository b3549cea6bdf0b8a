"""A PostgreSQL that vanishes, or whose locks do not come free, is told within seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running import until
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from connector.db import Database, postgres
from connector.errors import Unavailable

POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@pytest.fixture
def impatient(database: Database) -> Iterator[Database]:
    """Give the same database with a patience of half a second and one connection."""
    other = Database(database.engine.url.render_as_string(hide_password=False))
    other.engine.dispose()
    engine = postgres.make_engine(other.engine.url, patience=0.5)
    other.engine, other._writer = engine, engine
    other._read.configure(bind=engine)
    other._write.configure(bind=engine)
    yield other
    engine.dispose()


@POSTGRES
def test_both_ends_of_a_connection_notice_that_the_other_is_gone(database: Database) -> None:
    with database.reading() as connection:
        said = {
            name: connection.scalar(text("SELECT current_setting(:name)"), {"name": name})
            for name in ("idle_in_transaction_session_timeout", "lock_timeout")
        }
        ours = connection.connection.driver_connection.info.get_parameters()
    assert said == {"idle_in_transaction_session_timeout": "30s", "lock_timeout": "20s"}
    assert (ours["connect_timeout"], ours["tcp_user_timeout"]) == ("5", "10000")
    with database.writing() as connection:
        # It outlives a transaction that is taken back.
        connection.execute(text("SELECT 1"))
        connection.rollback()
    with database.reading() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "20s"


@POSTGRES
def test_what_the_url_says_stands(database_url: str) -> None:
    url = make_url(database_url).update_query_dict({"connect_timeout": "3"})
    database = Database(url.render_as_string(hide_password=False))
    with database.reading() as connection:
        parameters = connection.connection.driver_connection.info.get_parameters()
    database.close()
    assert parameters["connect_timeout"] == "3"


def _runs(database: Database, pid: int) -> bool:
    alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    with database.reading() as connection:
        return bool(connection.scalar(alive, {"pid": pid}))


def _say_nothing_for_too_long(database: Database) -> None:
    with database.writing() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 1"))
        until(lambda: not _runs(database, pid), 10, "the server ends it")
        connection.execute(text("SELECT 1"))


@POSTGRES
def test_a_connection_that_the_server_ends_is_a_database_that_is_away(database: Database) -> None:
    with pytest.raises(Unavailable, match="Try again in a moment"):
        _say_nothing_for_too_long(database)
    # The next one is a new one.
    with database.writing() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


@POSTGRES
def test_a_lock_that_does_not_come_free_is_told(database: Database, impatient: Database) -> None:
    take = text("LOCK TABLE classifiers IN ACCESS EXCLUSIVE MODE")
    with database.writing() as connection:
        connection.execute(take)
        with pytest.raises(Unavailable), impatient.writing() as other:
            other.execute(take)


@POSTGRES
def test_a_pool_that_stays_empty_is_told(impatient: Database) -> None:
    pool = impatient.engine.pool
    held = [impatient.engine.connect() for _ in range(pool.size() + 16)]  # type: ignore[attr-defined]
    with pytest.raises(Unavailable), impatient.reading():
        pass
    for connection in held:
        connection.close()


def test_a_wrong_statement_is_not_called_a_database_that_is_away(database: Database) -> None:
    insert = text("INSERT INTO workspaces (id, name) VALUES (NULL, NULL)")
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(insert)
