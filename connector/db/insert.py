"""INSERT … ON CONFLICT DO NOTHING, which both databases have under one spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector.db.types import Base


def _statement(session: Session, table: type[Base], conflict_on: Sequence[str]) -> Any:
    kind = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return kind.insert(table).on_conflict_do_nothing(index_elements=list(conflict_on))


def insert_missing(
    session: Session, table: type[Base], row: Mapping[str, Any], conflict_on: Sequence[str]
) -> bool:
    """Insert `row` unless one with the same `conflict_on` columns exists; say whether it was."""
    statement = _statement(session, table, conflict_on).returning(inspect(table).primary_key[0])
    return session.connection().execute(statement, dict(row)).first() is not None


def insert_all_missing(
    session: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    conflict_on: Sequence[str],
) -> None:
    """Insert those of `rows` that are not there yet."""
    if rows:
        statement = _statement(session, table, conflict_on)
        session.connection().execute(statement, [dict(row) for row in rows])
