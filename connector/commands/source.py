"""`colabel source`: the addresses at which other tools hand pictures in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.orm import Session

from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import table
from connector.db.tables import Classifier
from connector.domain import classifiers, sources
from connector.domain.paging import MAX_LIMIT


@click.group()
def source() -> None:
    """List, make, pause, resume, rotate and delete sources."""


@contextmanager
def _opened(classifier: str, workspace: str | None) -> Iterator[tuple[Session, Classifier, str]]:
    """Give a writing session, the classifier, and the address that links begin with."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            row = classifiers.find_classifier(session, workspace_id, classifier)
            yield session, row, service.settings.public_url


@source.command("list")
@click.argument("classifier")
@workspace_option
@data_option
def list_(classifier: str, workspace: str | None) -> None:
    """List the sources of CLASSIFIER (id or name), the newest first."""
    with _opened(classifier, workspace) as (session, row, url):
        found = sources.list_sources(session, row, limit=MAX_LIMIT).items
        shown = [sources.summary(session, one, url) for one in found]
    columns = ("id", "name", "state", "accepted", "refused", "last_event_at", "hook_url")
    rows = [[one[name] if one[name] is not None else "-" for name in columns] for one in shown]
    headings = ("id", "name", "state", "accepted", "refused", "last", "address")
    click.echo(table(headings, rows))


@source.command()
@click.argument("classifier")
@click.argument("name")
@click.option("--image-field", metavar="PATH", help="Where the picture is, e.g. order.photo.")
@workspace_option
@data_option
def create(classifier: str, name: str, image_field: str | None, workspace: str | None) -> None:
    """Make a source NAME for CLASSIFIER and print its address."""
    settings = {"image_field": image_field}
    with _opened(classifier, workspace) as (session, row, url):
        made = sources.create_source(session, row, name=name, settings=settings)
        address = sources.summary(session, made, url)["hook_url"]
    click.echo(address)


@source.command()
@click.argument("classifier")
@click.argument("source")
@workspace_option
@data_option
def pause(classifier: str, source: str, workspace: str | None) -> None:
    """Let SOURCE (id or name) take no pictures; senders are told to try again later."""
    _set_state(classifier, source, workspace, sources.PAUSED)
    click.echo(f"{source} takes no pictures until it is resumed.")


@source.command()
@click.argument("classifier")
@click.argument("source")
@workspace_option
@data_option
def resume(classifier: str, source: str, workspace: str | None) -> None:
    """Let SOURCE (id or name) take pictures again."""
    _set_state(classifier, source, workspace, sources.ACTIVE)
    click.echo(f"{source} takes pictures again.")


def _set_state(classifier: str, source: str, workspace: str | None, state: str) -> None:
    with _opened(classifier, workspace) as (session, row, _):
        found = sources.find_source(session, row, source)
        sources.update_source(session, row, found, state=state)


@source.command()
@click.argument("classifier")
@click.argument("source")
@click.option(
    "--grace-hours",
    type=float,
    default=sources.GRACE_HOURS,
    show_default=True,
    help="How long the address before goes on working.",
)
@workspace_option
@data_option
def rotate(classifier: str, source: str, grace_hours: float, workspace: str | None) -> None:
    """Give SOURCE (id or name) a new address and print it."""
    with _opened(classifier, workspace) as (session, row, url):
        found = sources.find_source(session, row, source)
        sources.rotate_token(session, found, grace_hours=grace_hours)
        address = sources.summary(session, found, url)["hook_url"]
    click.echo(address)


@source.command()
@click.argument("classifier")
@click.argument("source")
@workspace_option
@data_option
def delete(classifier: str, source: str, workspace: str | None) -> None:
    """Close the address of SOURCE (id or name) for good; its predictions stay."""
    with _opened(classifier, workspace) as (session, row, _):
        sources.delete_source(session, sources.find_source(session, row, source))
    click.echo(f"{source} is deleted.")
