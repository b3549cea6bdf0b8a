"""INSERT … ON CONFLICT DO NOTHING, which both databases have under one spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector.db.types import Base


def insert_missing(
    session: Session,
    table: type[Base],
    rows: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    conflict_on: Sequence[str],
) -> int:
    """Insert `rows` unless one with the same `conflict_on` columns exists; return how many were."""
    values = [rows] if isinstance(rows, Mapping) else list(rows)
    if not values:
        return 0
    kind = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = kind.insert(table).on_conflict_do_nothing(index_elements=list(conflict_on))
    if len(values) == 1:
        return int(session.connection().execute(statement, values[0]).rowcount)
    inserted = 0
    for value in values:
        inserted += int(session.connection().execute(statement, value).rowcount)
    return inserted
