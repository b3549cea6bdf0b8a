"""State: SQLite on one machine, PostgreSQL on many; the same code on both."""

from __future__ import annotations

from connector.db.session import Database

__all__ = ["Database"]
