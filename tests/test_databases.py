"""Databases of PostgreSQL that tests use one after the other are as if they were new."""

from __future__ import annotations

import psycopg
import pytest
from databases import Databases
from postgres import Postgres

pytestmark = pytest.mark.postgres


def used(server: Postgres, lent: Databases, *statements: str) -> None:
    """Borrow a database, run the statements in it, and give it back with a connection open."""
    name = lent.lend()
    with psycopg.connect(server.dsn(name), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
        lent.take_back(name)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(server.dsn(name))


def answered(server: Postgres, lent: Databases, query: str) -> object:
    name = lent.lend()
    with psycopg.connect(server.dsn(name)) as connection:
        found = connection.execute(query).fetchone()
    lent.take_back(name)
    return found


def test_rows_of_an_earlier_test_are_gone(postgres: Postgres) -> None:
    lent = Databases(postgres)
    oid = "SELECT oid FROM pg_database WHERE datname = current_database()"
    first = answered(postgres, lent, oid)
    used(
        postgres,
        lent,
        "INSERT INTO workspaces (id, name, created_at) VALUES ('ws_1', 'Alice', now())",
    )
    assert answered(postgres, lent, "SELECT count(*) FROM workspaces") == (0,)
    assert answered(postgres, lent, "SELECT count(*) FROM alembic_version") == (1,)
    assert answered(postgres, lent, oid) == first


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE workspaces ADD COLUMN colour TEXT",
        "CREATE TABLE notes (who TEXT)",
        "ALTER TABLE workspaces ALTER COLUMN name SET DEFAULT 'Bob'",
        "UPDATE alembic_version SET version_num = 'older'",
    ],
)
def test_what_is_no_longer_as_it_was_is_thrown_away(postgres: Postgres, change: str) -> None:
    lent = Databases(postgres)
    oid = "SELECT oid FROM pg_database WHERE datname = current_database()"
    first = answered(postgres, lent, oid)
    used(postgres, lent, change)
    assert answered(postgres, lent, oid) != first
