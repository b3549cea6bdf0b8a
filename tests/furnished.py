"""A furnished workspace, made once for each choice of parts and copied for every test of a page.

Furnishing takes a second or two: passwords are hashed, pictures classified, reports built.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from colours import colour_classifier
from sqlalchemy import String, func, select, update
from stage import Stage, furnish

from connector.db import Database
from connector.db.tables import Base
from connector.settings import Settings
from connector.storage import LocalBlobs
from workers.runtime import Runtime

DATABASE = "colabel.db"


@dataclass(frozen=True)
class Furnished:
    """A data folder to copy, the key of its owner, and what there is in it."""

    data_dir: Path
    workspace_id: str
    secret: str
    colours_id: str
    stage: Stage
    # Columns that name files of the folder.
    paths: tuple[tuple[str, str], ...]

    @property
    def database(self) -> Path:
        """The SQLite file to begin with."""
        return self.data_dir / DATABASE

    def move_in(self, database: Database, data_dir: Path) -> Stage:
        """Copy the files beside a copied database, and let it name those; return the stage."""
        but = shutil.ignore_patterns(f"{DATABASE}*")
        shutil.copytree(self.data_dir, data_dir, ignore=but, dirs_exist_ok=True)
        with database.write() as session:
            for table, name in self.paths:
                column = Base.metadata.tables[table].c[name]
                moved = func.replace(column, str(self.data_dir), str(data_dir), type_=String)
                session.execute(
                    update(Base.metadata.tables[table])
                    .where(column.cast(String).contains(str(self.data_dir)))
                    .values({name: moved})
                )
        return copy.deepcopy(self.stage)


def make(
    settings: Settings, template: Path, parts: Collection[str], owner: Callable[[Database], str]
) -> Furnished:
    """Furnish a workspace in the data folder of `settings`; `owner` makes it and its key."""
    settings.data_dir.mkdir(parents=True)
    shutil.copy(template, settings.data_dir / DATABASE)
    database, blobs = Database(settings.database), LocalBlobs(settings.blobs_dir)
    secret = owner(database)
    from connector.domain import accounts

    with database.write() as session:
        workspace_id = accounts.authenticate(session, secret).workspace_id
        colours_id = colour_classifier(session, blobs, workspace_id).id
    rt = Runtime(settings, database, blobs)
    stage = furnish(rt, workspace_id, colours_id, parts)
    paths = _paths(database, settings.data_dir)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return Furnished(settings.data_dir, workspace_id, secret, colours_id, stage, paths)


def _paths(database: Database, data_dir: Path) -> tuple[tuple[str, str], ...]:
    with database.read() as session:
        return tuple(
            (table.name, column.name)
            for table in Base.metadata.sorted_tables
            for column in table.c
            if session.scalar(select(1).where(column.cast(String).contains(str(data_dir))).limit(1))
        )
