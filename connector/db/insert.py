"""INSERT … ON CONFLICT DO NOTHING, which both databases have under one spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector.db.types import Base


@lru_cache(maxsize=64)
def _statement(dialect: str, table: type[Base], conflict_on: tuple[str, ...]) -> Any:
    # Kept, because SQLAlchemy then also keeps what it worked out about the statement.
    kind = postgresql if dialect == "postgresql" else sqlite
    return kind.insert(table).on_conflict_do_nothing(index_elements=list(conflict_on))


@lru_cache(maxsize=64)
def _returning(dialect: str, table: type[Base], conflict_on: tuple[str, ...]) -> Any:
    return _statement(dialect, table, conflict_on).returning(inspect(table).primary_key[0])


def _connection(where: Session | Connection) -> Connection:
    return where.connection() if isinstance(where, Session) else where


def insert_missing(
    where: Session | Connection,
    table: type[Base],
    row: Mapping[str, Any],
    conflict_on: Sequence[str],
) -> bool:
    """Insert `row` unless one with the same `conflict_on` columns exists; say whether it was."""
    connection = _connection(where)
    statement = _returning(connection.dialect.name, table, tuple(conflict_on))
    return connection.execute(statement, dict(row)).first() is not None


def insert_all_missing(
    where: Session | Connection,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    conflict_on: Sequence[str],
) -> None:
    """Insert those of `rows` that are not there yet."""
    if rows:
        connection = _connection(where)
        statement = _statement(connection.dialect.name, table, tuple(conflict_on))
        connection.execute(statement, [dict(row) for row in rows])
