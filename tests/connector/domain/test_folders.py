"""Each workspace has its own folder of sorted pictures, and keeps it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from at_once import meanwhile
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import Workspace
from connector.domain import accounts
from connector.domain.folders import sorted_dir
from connector.settings import Settings

Person = Any


def test_the_first_workspace_has_the_folder_that_was_everybodys(
    database: Database, settings: Settings, alice: Person, bob: Person, charlie: Person
) -> None:
    his = sorted_dir(database, settings, charlie.workspace_id)
    assert his == settings.data_dir / "workspaces" / charlie.workspace_id / "sorted"
    assert sorted_dir(database, settings, alice.workspace_id) == settings.sorted_dir
    assert sorted_dir(database, settings, bob.workspace_id) == settings.sorted_dir
    assert not his.is_relative_to(settings.sorted_dir)
    assert not settings.sorted_dir.is_relative_to(his)


def test_a_clock_that_went_back_gives_the_folder_to_nobody_else(
    database: Database, settings: Settings, alice: Person, charlie: Person
) -> None:
    assert sorted_dir(database, settings, alice.workspace_id) == settings.sorted_dir
    with database.write() as session:
        hers = session.get_one(Workspace, alice.workspace_id)
        session.get_one(Workspace, charlie.workspace_id).created_at = hers.created_at - timedelta(
            days=1
        )
        session.flush()
        assert accounts.find_workspace(session).id == charlie.workspace_id
    assert sorted_dir(database, settings, alice.workspace_id) == settings.sorted_dir
    assert sorted_dir(database, settings, charlie.workspace_id) != settings.sorted_dir


def test_two_that_ask_first_at_the_same_moment_agree(
    database: Database, settings: Settings, alice: Person, charlie: Person
) -> None:
    theirs = [alice.workspace_id, charlie.workspace_id]
    _, folders, _ = meanwhile(
        database,
        # A transaction is open, as when another worker is about to write it down.
        lambda session: session.scalars(select(Workspace.id)).all(),
        lambda: [sorted_dir(database, settings, one) for one in theirs],
    )
    assert folders == [sorted_dir(database, settings, one) for one in theirs]
    assert folders[0] == settings.sorted_dir != folders[1]
