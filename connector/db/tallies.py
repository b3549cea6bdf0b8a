"""Running totals, added to in the transaction that they count: exact whatever dies when.

Several web processes and workers on several hosts count into them, and rows that are deleted later
stay counted. What a transaction counts is gathered and written at its very end, in one statement
and in a fixed order: so nobody holds a total for long, and nobody waits in a circle.
"""

from __future__ import annotations

import json
import random
from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector.db.tables import Tally

PENDING = "pending_tallies"
# Upper bounds of a histogram's buckets, in seconds; beyond the last is "+Inf".
BOUNDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 14_400, 86_400)
BUCKETS = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
# SQLite has one writer at a time; on PostgreSQL those of one row would wait for each other.
SHARDS = 16

Key = tuple[str, str]


def add(session: Session, name: str, amount: float = 1, **labels: str) -> None:
    """Add to a total when this transaction is committed. Labels take few different values only."""
    if not amount:
        return
    pending: dict[Key, float] = session.info.setdefault(PENDING, {})
    key = (name, _text(labels))
    pending[key] = pending.get(key, 0) + amount


def observe(session: Session, name: str, seconds: float, **labels: str) -> None:
    """Count a duration into the histogram `name`, when this transaction is committed."""
    seconds = max(0.0, seconds)  # the clocks of two hosts may differ
    add(session, name, 1, le=BUCKETS[bisect_left(BOUNDS, seconds)], **labels)
    add(session, f"{name}_sum", seconds, **labels)


def flush(session: Session) -> None:
    """Write what was counted so far: the last thing that a transaction does."""
    pending: dict[Key, float] = session.info.pop(PENDING, {})
    if pending:
        session.flush()
        write(session.connection(), pending)


def write(connection: Connection, amounts: Mapping[Key, float]) -> None:
    """Add to totals now, in the connection's transaction, which should end soon after."""
    dialect = connection.dialect.name
    shard = random.randrange(SHARDS) if dialect == "postgresql" else 0  # noqa: S311
    rows = [
        {"name": name, "labels": labels, "shard": shard, "value": amount}
        for (name, labels), amount in sorted(amounts.items())
    ]
    connection.execute(_statement(dialect), rows if len(rows) > 1 else rows[0])


def key(name: str, **labels: str) -> Key:
    """Return what `write` calls a total."""
    return name, _text(labels)


@lru_cache(maxsize=1024)
def _text_of(labels: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(dict(labels), separators=(",", ":"))


def _text(labels: Mapping[str, str]) -> str:
    return _text_of(tuple(sorted(labels.items())))


@lru_cache(maxsize=2)
def _statement(dialect: str) -> Any:
    kind = postgresql if dialect == "postgresql" else sqlite
    statement = kind.insert(Tally.__table__)
    return statement.on_conflict_do_update(
        index_elements=["name", "labels", "shard"],
        set_={"value": Tally.__table__.c.value + statement.excluded.value},
    )
