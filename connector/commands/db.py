"""`colabel db`: the database's tables."""

from __future__ import annotations

import click

from connector.commands.common import data_option
from connector.db import Database
from connector.db.migrate import revisions, upgrade
from connector.settings import load_settings


@click.group()
def db() -> None:
    """Bring the database up to date."""


@db.command("upgrade")
@data_option
def upgrade_() -> None:
    """Apply every migration that is missing; safe to run again and from many machines."""
    settings = load_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        before, newest = revisions(database)
        upgrade(database)
    finally:
        database.close()
    if before == newest:
        click.echo(f"The database is up to date (revision {newest}).")
    else:
        click.echo(f"The database went from revision {before or 'none'} to {newest}.")
