"""`colabel key`: who may come in."""

from __future__ import annotations

import click

from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import table
from connector.domain import accounts


@click.group()
def key() -> None:
    """Make, list and revoke API keys."""


@key.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(accounts.SCOPES),
    help="What the key may do; may be given more than once (default: everything).",
)
@workspace_option
@data_option
def create(name: str, scopes: tuple[str, ...], workspace: str | None) -> None:
    """Make a key called NAME and print its secret, this once."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            made, secret = accounts.create_key(
                session, workspace_id, name, scopes or accounts.SCOPES
            )
            granted = ", ".join(made.scopes)
    click.echo(secret)
    click.echo(f"It may: {granted}. Keep it safe: it is not shown again.", err=True)


@key.command("list")
@workspace_option
@data_option
def list_(workspace: str | None) -> None:
    """List the keys that let somebody in."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.read() as session:
            rows = [
                (k.id, k.name, f"…{k.hint}", ", ".join(k.scopes), k.created_at.date().isoformat())
                for k in accounts.list_keys(session, workspace_id)
            ]
    click.echo(table(("id", "name", "ends in", "may", "made"), rows))


@key.command()
@click.argument("key_id")
@workspace_option
@data_option
def revoke(key_id: str, workspace: str | None) -> None:
    """End the key with this KEY_ID at once (see `colabel key list`)."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            accounts.revoke_key(session, workspace_id, key_id)
    click.echo(f"{key_id} lets nobody in any more.")
