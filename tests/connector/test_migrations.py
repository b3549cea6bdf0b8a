"""The migrations have one head and end at exactly the tables that the code knows."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from connector.db import Database, migrate
from connector.db.tables import Base


def test_there_is_one_head() -> None:
    heads = ScriptDirectory.from_config(migrate.config()).get_heads()
    assert len(heads) == 1


def test_upgrade_equals_the_metadata(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrade_again_changes_nothing(database: Database) -> None:
    before = migrate.revisions(database)
    migrate.upgrade(database)
    assert migrate.revisions(database) == before
    assert before[0] == before[1]
