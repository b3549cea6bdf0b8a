"""`colabel label`: the labels of a classifier, and their names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.orm import Session

from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import table
from connector.db.tables import Classifier
from connector.domain import classifiers, labels
from connector.domain.labels import FATES, Fate


@click.group()
def label() -> None:
    """List, add, rename, merge and remove the labels of a classifier.

    CLASSIFIER is an id or a name; labels are called by their names.
    """


@label.command("list")
@click.argument("classifier")
@workspace_option
@data_option
def list_(classifier: str, workspace: str | None) -> None:
    """List the labels of CLASSIFIER and how many examples each has."""
    with _opened(classifier, workspace) as (session, row):
        shown = labels.resources(session, row)
        waiting = classifiers.unlabelled_count(session, row)
    click.echo(table(("label", "examples"), [(one["name"], one["examples"]) for one in shown]))
    if waiting:
        click.echo(f"\nPictures that wait for a label: {waiting}.")


@label.command()
@click.argument("classifier")
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@workspace_option
@data_option
def add(classifier: str, names: tuple[str, ...], workspace: str | None) -> None:
    """Add labels of these names to CLASSIFIER."""
    with _opened(classifier, workspace) as (session, row):
        for name in names:
            labels.add_label(session, row, name)
    click.echo("Added. The model knows a new label once it has examples and was trained.")


@label.command()
@click.argument("classifier")
@click.argument("old")
@click.argument("new")
@workspace_option
@data_option
def rename(classifier: str, old: str, new: str, workspace: str | None) -> None:
    """Call the label OLD of CLASSIFIER by the name NEW; examples and rules follow it."""
    with _opened(classifier, workspace) as (session, row):
        found = classifiers.find_label(session, row, old)
        renamed = labels.rename_label(session, row, found.id, new)
    click.echo(f"“{old}” is called “{renamed.name}” from now on.")


@label.command()
@click.argument("classifier")
@click.argument("name")
@click.argument("into")
@workspace_option
@data_option
def merge(classifier: str, name: str, into: str, workspace: str | None) -> None:
    """Make the label NAME of CLASSIFIER part of the label INTO, with its examples and rules."""
    with _opened(classifier, workspace) as (session, row):
        gone = classifiers.find_label(session, row, name)
        left = classifiers.find_label(session, row, into)
        merged = labels.resource(session, labels.merge_labels(session, row, gone.id, left.id))
    click.echo(f"“{name}” is part of “{into}” now, which has {merged['examples']} examples.")


@label.command()
@click.argument("classifier")
@click.argument("name")
@click.option(
    "--examples",
    type=click.Choice(FATES),
    help="What becomes of its examples: kept without a label, or deleted.",
)
@workspace_option
@data_option
def remove(classifier: str, name: str, examples: Fate | None, workspace: str | None) -> None:
    """Remove the label NAME of CLASSIFIER; its rules go out of force."""
    with _opened(classifier, workspace) as (session, row):
        found = classifiers.find_label(session, row, name)
        labels.remove_label(session, row, found.id, examples)
    click.echo(f"“{name}” is no label of {classifier!r} any more.")


@contextmanager
def _opened(classifier: str, workspace: str | None) -> Iterator[tuple[Session, Classifier]]:
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            yield session, classifiers.find_classifier(session, workspace_id, classifier)
