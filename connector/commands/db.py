"""`colabel db`: the database's tables."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from connector.commands.common import data_option
from connector.db import Database
from connector.db.migrate import downgrade, revisions, upgrade
from connector.errors import ColabelError
from connector.settings import load_settings


@click.group()
def db() -> None:
    """Bring the database up to date, back, or into a backup."""


@db.command("upgrade")
@data_option
def upgrade_() -> None:
    """Apply every migration that is missing; safe to run again and from many machines."""
    with _opened() as database:
        before, newest = revisions(database)
        upgrade(database)
    if before == newest:
        click.echo(f"The database is up to date (revision {newest}).")
    else:
        click.echo(f"The database went from revision {before or 'none'} to {newest}.")


@db.command("downgrade")
@click.argument("revision")
@data_option
def downgrade_(revision: str) -> None:
    """Take migrations back to REVISION, before an older release is installed again.

    What only the newer tables can hold is lost. Stop every process first.
    """
    with _opened() as database:
        before, _ = revisions(database)
        downgrade(database, revision)
    click.echo(f"The database went from revision {before or 'none'} back to {revision}.")


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
def backup(file: Path) -> None:
    """Copy a SQLite database into FILE, whole and consistent, while the service goes on."""
    with _opened() as database:
        path = database.engine.url.database
        if not database.is_sqlite or path is None:
            raise ColabelError("This database is a server's; back it up by its own pg_dump.")
    if file.exists():
        raise ColabelError(f"{file} is there already; name another file, or remove it.")
    part = file.with_name(f".{file.name}.part")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
        source.backup(copy)
    part.chmod(0o600)
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.rename(file)
    click.echo(f"The database is in {file}.")


@contextmanager
def _opened() -> Iterator[Database]:
    settings = load_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        yield database
    finally:
        database.close()
