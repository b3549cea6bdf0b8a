"""`colabel source`: addresses at which other tools hand pictures in, and watched folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy.orm import Session

from connector.commands import source_s3
from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import table
from connector.db.tables import Classifier
from connector.domain import classifiers, folders, source_names, sources, watched
from connector.domain.classifiers import FOLDER, HOOK
from connector.domain.paging import MAX_LIMIT
from connector.inbound import folder as inbound

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def source() -> None:
    """List, make, pause, resume, scan, rotate and delete sources."""


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
        shown = [_with_address(sources.summary(session, one, url)) for one in found]
    columns = ("id", "name", "state", "accepted", "refused", "last_event_at", "address")
    rows = [[one[name] if one[name] is not None else "-" for name in columns] for one in shown]
    headings = ("id", "name", "state", "accepted", "refused", "last", "address")
    click.echo(table(headings, rows))


def _with_address(shown: dict[str, Any]) -> dict[str, Any]:
    """Add where its pictures come in; a folder that is not simply being watched says so."""
    watching = shown["watching"]
    if watching is None:
        return {**shown, "address": shown["hook_url"]}
    state = "" if watching["state"] == "watching" else f" ({watching['state']})"
    return {**shown, "address": f"{shown['settings']['path']}{state}"}


def _options(command: F) -> F:
    """Add what a source may be told, by its kind."""
    path = click.Path(path_type=Path)
    for option in (
        click.option("--queue-url", help="S3: the SQS queue that it receives from."),
        click.option("--region", help="S3: where the buckets are."),
        click.option("--endpoint-url", help="S3: of a store that is not Amazon's."),
        click.option("--key", help="S3: what EventBridge or MinIO show; 16 characters or more."),
        click.option("--topic", "topics", multiple=True, help="S3: the ARN of an SNS topic."),
        click.option("--prefix", help="S3: only keys that begin so."),
        click.option("--bucket", "buckets", multiple=True, help="S3: a bucket; may be repeated."),
        click.option(
            "--suffix",
            "suffixes",
            multiple=True,
            help="Folder, S3: how names end, e.g. .jpg; may be repeated.",
        ),
        click.option(
            "--recursive/--flat", default=None, help="Folder: with those in it (default), or not."
        ),
        click.option("--path", type=path, help="Folder: which one to watch."),
        click.option(
            "--image-field", metavar="PATH", help="Hook: where the picture is: order.photo."
        ),
    ):
        command = option(command)
    return command


@source.command()
@click.argument("classifier")
@click.argument("name")
@click.option("--kind", type=click.Choice(sources.KINDS), default=HOOK, show_default=True)
@_options
@click.option("--take-existing", is_flag=True, help="Folder: take what lies there already, too.")
@workspace_option
@data_option
def create(
    classifier: str, name: str, kind: str, take_existing: bool, workspace: str | None, **given: Any
) -> None:
    """Make a source NAME for CLASSIFIER and print its address, or the folder that is watched."""
    settings = _settings(given)
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        if kind == FOLDER:
            own = folders.sorted_dir(service.database, service.settings, workspace_id)
            path = Path(inbound.checked(settings).path)
            watched.check_allowed(service.settings, own, path)
            if not path.is_dir():
                click.echo(f"{path} is not there yet; it is watched as soon as it is.", err=True)
    with _opened(classifier, workspace) as (session, row, url):
        made = sources.create_source(
            session, row, name=name, settings=settings, kind=kind, take_existing=take_existing
        )
        shown = sources.summary(session, made, url)
    click.echo(shown["hook_url"] or shown["settings"]["path"])


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    path = given.pop("path")
    settings = {name: list(to) if isinstance(to, tuple) else to for name, to in given.items()}
    settings["path"] = None if path is None else str(path.expanduser().absolute())
    return {name: to for name, to in settings.items() if to not in (None, [])}


@source.command()
@click.argument("classifier")
@click.argument("source")
@workspace_option
@data_option
def scan(classifier: str, source: str, workspace: str | None) -> None:
    """Take what lies in the watched folder of SOURCE (id or name) and was not taken so far."""
    with _opened(classifier, workspace) as (session, row, _):
        found = source_names.find_source(session, row, source)
        sources.check_kind(found, FOLDER)
        watched.scan(session, found)
    click.echo(f"{source}: what lies there is taken now, one by one.")


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
        found = source_names.find_source(session, row, source)
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
        found = source_names.find_source(session, row, source)
        sources.check_kind(found, HOOK)
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
        sources.delete_source(session, source_names.find_source(session, row, source))
    click.echo(f"{source} is deleted.")


for command in (source_s3.policy, source_s3.backfill, source_s3.list_backfills):
    source.add_command(command)
