"""Lists in pages: ids sort by time, so the last id of a page is the cursor to the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from connector.errors import BadRequest

MAX_LIMIT = 100
DEFAULT_LIMIT = 50
CURSOR = re.compile(r"[a-z]{1,8}_[0-9a-z]{26}\Z")

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and where the next ones begin (None at the end)."""

    items: list[T]
    next_cursor: str | None


def page(
    session: Session,
    statement: Select[T],
    id_column: InstrumentedAttribute[str],
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
    newest_first: bool = True,
) -> Page[T]:
    """Return at most `limit` rows after `cursor`. Raises BadRequest for bad paging values."""
    if not 1 <= limit <= MAX_LIMIT:
        raise BadRequest(f"limit must be between 1 and {MAX_LIMIT}.", code="bad_limit")
    if cursor is not None:
        if not CURSOR.match(cursor):
            raise BadRequest(
                "This cursor is not one we gave; start again without it.", code="bad_cursor"
            )
        statement = statement.where(id_column < cursor if newest_first else id_column > cursor)
    ordered = statement.order_by(id_column.desc() if newest_first else id_column.asc())
    rows: list[Any] = list(session.scalars(ordered.limit(limit + 1)))
    following = getattr(rows[limit - 1], id_column.key) if len(rows) > limit else None
    return Page(rows[:limit], following)
