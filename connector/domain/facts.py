"""What workers found out about their machine, for everybody who shows it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from connector.db.tables import Fact
from connector.db.types import utcnow

WEIGHTS = "weights"
DEVICE = "device"


def put(session: Session, key: str, value: dict[str, Any]) -> None:
    """Keep a fact; a later one replaces it."""
    session.merge(Fact(key=key, value=value, updated_at=utcnow()))
    session.flush()


def get(session: Session, key: str) -> dict[str, Any] | None:
    """Return a fact, or None when nobody has found it out yet."""
    fact = session.get(Fact, key)
    return None if fact is None else dict(fact.value)


def several(session: Session, keys: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return key -> fact, for those of the keys that somebody has found out."""
    rows = session.scalars(select(Fact).where(Fact.key.in_(keys)))
    return {row.key: dict(row.value) for row in rows}


def weights_notice(session: Session) -> str | None:
    """Return the plain sentence to show while pretrained weights are missing, else None."""
    fact = get(session, WEIGHTS)
    if fact is None or fact.get("available", True):
        return None
    return str(fact["sentence"])


def remove(session: Session, key: str) -> None:
    """Forget a fact; fine when there is none."""
    session.execute(delete(Fact).where(Fact.key == key))


def keys(session: Session, prefix: str) -> list[str]:
    """Return the keys that begin with `prefix`."""
    statement = select(Fact.key).where(Fact.key.startswith(prefix, autoescape=True))
    return sorted(session.scalars(statement))
