"""Where a workspace's pictures are sorted into: no two workspaces share a folder.

The first workspace has DATA/sorted, which most installations know alone; every other one has
DATA/workspaces/<id>/sorted. Inside, each classifier has a folder by its name.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.insert import insert_missing
from connector.db.tables import Fact
from connector.domain import accounts, facts
from connector.settings import Settings

# Written down once: whose sorted/ is must not change with clocks, or when a workspace goes.
OWNER = "sorted_folder"


def sorted_dir(database: Database, settings: Settings, workspace_id: str) -> Path:
    """Return the folder that this workspace's relative folders begin in; it may not exist yet."""
    with database.read() as session:
        owner = facts.get(session, OWNER)
    if owner is None:
        with database.write() as session:
            owner = _first(session)
    if owner["workspace_id"] == workspace_id:
        return settings.sorted_dir
    return settings.data_dir / "workspaces" / workspace_id / "sorted"


def _first(session: Session) -> dict[str, str]:
    first = {"workspace_id": accounts.find_workspace(session).id}
    if insert_missing(session, Fact, {"key": OWNER, "value": first}, ["key"]):
        return first
    return facts.get(session, OWNER) or first
