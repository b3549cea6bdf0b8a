"""`colabel import`: pictures from a folder or a zip, labelled or to be labelled."""

from __future__ import annotations

from pathlib import Path

import click

from connector.commands.common import Service, data_option, open_service, workspace_option
from connector.commands.show import Bar, table
from connector.domain import classifiers, imports
from connector.domain.import_labels import parse_mode
from connector.domain.import_loop import Report
from connector.errors import NotFound

SHOWN = 20


@click.command("import")
@click.argument("classifier")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--labels",
    default="auto",
    show_default=True,
    metavar="folders|names|csv:FILE|none",
    help="Where the labels come from; auto looks for a labels.csv, then folders, then file names; "
    "with none, pictures are kept to be labelled later.",
)
@click.option(
    "--recipe",
    type=click.Choice(list(classifiers.RECIPES)),
    default="sort",
    show_default=True,
    help="The kind of job, when the classifier is new.",
)
@workspace_option
@data_option
def import_(classifier: str, path: Path, labels: str, recipe: str, workspace: str | None) -> None:
    """Import pictures from PATH (a folder or a zip) into CLASSIFIER (id or name).

    A classifier of a new name is made. Run again after an interruption, it goes on.
    """
    parse_mode(labels)
    with open_service() as service:
        classifier_id = _classifier(service, service.workspace_id(workspace), classifier, recipe)
        with Bar() as bar:
            report = imports.run_folder(
                service.database,
                service.blobs,
                service.settings,
                classifier_id,
                path,
                labels,
                progress=lambda now: bar.update("importing", now.done, now.total, counted(now)),
            )
        with service.database.read() as session:
            row = classifiers.find_classifier(
                session, service.workspace_id(workspace), classifier_id
            )
            counts = classifiers.example_counts(session, row)
            waiting = classifiers.unlabelled_count(session, row)
    _print(classifier, report, counts, waiting)


def _classifier(service: Service, workspace_id: str, name: str, recipe: str) -> str:
    with service.database.write() as session:
        try:
            return classifiers.find_classifier(session, workspace_id, name).id
        except NotFound:
            if name.startswith("clf_"):
                raise
        made = classifiers.create_classifier(session, workspace_id, name=name, recipe=recipe)
        click.echo(f"Made the classifier {made.name!r} ({made.id}).", err=True)
        return made.id


def counted(report: Report) -> str:
    """Return what an import came to, in words."""
    parts = [f"{report.added} added"]
    for count, word in (
        (report.labelled, "labelled"),
        (report.relabelled, "relabelled"),
        (report.duplicates, "known already"),
        (report.skipped, "skipped"),
    ):
        if count:
            parts.append(f"{count} {word}")
    return ", ".join(parts)


def _print(name: str, report: Report, counts: dict[str, int], waiting: int) -> None:
    click.echo(f"{report.total} files: {counted(report)}.")
    for problem in report.problems[:SHOWN]:
        click.echo(f"  skipped {problem.name}: {problem.reason}")
    if report.skipped > SHOWN:
        click.echo(f"  … and {report.skipped - SHOWN} more")
    click.echo()
    click.echo(table(("label", "examples"), list(counts.items())))
    if waiting:
        click.echo(f"\nPictures that wait for a label: {waiting}.")
    if any(counts.values()):
        click.echo(f"\nNext: colabel train {name!r}")
