"""Bring the database to this release's tables."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from connector.db.session import Database
from connector.errors import Unprocessable

# Two processes that start together must not both migrate (any constant will do).
POSTGRES_LOCK = 7_316_482_001


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for our migrations."""
    configuration = Config()
    folder = Path(__file__).parent / "migrations"
    configuration.set_main_option("script_location", str(folder).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    return configuration


def upgrade(database: Database) -> None:
    """Apply every migration that is missing, one process at a time, all or nothing."""
    engine = database.engine.execution_options(colabel_write=True)
    with engine.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK})
        command.upgrade(config(connection), "head")


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back until `revision`, all or nothing. Raises Unprocessable for no such."""
    engine = database.engine.execution_options(colabel_write=True)
    try:
        with engine.begin() as connection:
            if not database.is_sqlite:
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK}
                )
            command.downgrade(config(connection), revision)
    except CommandError as error:
        raise Unprocessable(
            f"There is no way back to {revision!r} ({error}); name a revision that an earlier "
            "release had.",
            code="unknown_revision",
        ) from error


def revisions(database: Database) -> tuple[str | None, str | None]:
    """Return (the revision the database is at, the newest one this release knows)."""
    with database.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current, ScriptDirectory.from_config(config()).get_current_head()
