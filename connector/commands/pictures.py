"""`colabel pictures`: pictures and labels to other tools, and from them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click

from connector.commands.common import Service, data_option, open_service, workspace_option
from connector.commands.importing import SHOWN, counted
from connector.commands.show import Bar
from connector.db.types import utcnow
from connector.domain import (
    audit_log,
    classifiers,
    exchange_imports,
    exports,
    import_sources,
    label_studio,
)
from connector.domain.exchange_finding import Finder
from connector.domain.exchange_imports import CREATE, KNOWN, MAX_LABELS_BYTES, Options
from connector.domain.exports import FORMATS, Wanted
from connector.domain.import_loop import Importer, Report
from connector.domain.import_sources import Collection
from connector.errors import Conflict, TooLarge


@click.group()
def pictures() -> None:
    """Exchange pictures and labels with other tools."""


@pictures.command()
@click.argument("classifier")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    help="Which form (default: by the suffix of OUT; .json is Label Studio's).",
)
@click.option("--labelled", is_flag=True, help="Only those with a label.")
@click.option(
    "--image-root",
    default="",
    metavar="TEXT",
    help="What stands before a picture's path in the zip, in tasks of Label Studio.",
)
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@workspace_option
@data_option
def export(
    classifier: str,
    out: Path,
    form: str | None,
    labelled: bool,
    image_root: str,
    force: bool,
    workspace: str | None,
) -> None:
    """Write CLASSIFIER's pictures and labels to OUT: a zip of folders, a CSV, or tasks."""
    if out.exists() and not force:
        raise Conflict(f"{out} exists already; choose another name, or replace it with --force.")
    wanted = Wanted(form or _form(out), True if labelled else None, image_root)
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        classifier_id = _find(service, workspace_id, classifier)
        made = exports.export(
            service.database,
            service.blobs,
            service.settings,
            workspace_id,
            classifier_id,
            wanted,
        )
        temporary = out.with_name(f".{out.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                for chunk in made.chunks:
                    file.write(chunk)
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)
    click.echo(f"Wrote {out} ({out.stat().st_size / 1e6:.1f} MB).")


@pictures.command()
@click.argument("classifier")
@workspace_option
@data_option
def config(classifier: str, workspace: str | None) -> None:
    """Print the labelling configuration for Label Studio that fits CLASSIFIER's labels."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.read() as session:
            row = classifiers.find_classifier(session, workspace_id, classifier)
            names = [one.name for one in classifiers.labels(session, row)]
    click.echo(label_studio.configuration(names), nl=False)


@pictures.command("import")
@click.argument("classifier")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--pictures",
    "beside",
    type=click.Path(exists=True, path_type=Path),
    help="A folder or zip of the pictures, where they are not here yet.",
)
@click.option("--known", is_flag=True, help="Skip pictures with labels that are not here yet.")
@click.option("--no-fetch", is_flag=True, help="Fetch no pictures from their addresses.")
@click.option(
    "--control", default="", metavar="NAME", help="Of Label Studio: the choices that hold labels."
)
@workspace_option
@data_option
def import_(
    classifier: str,
    file: Path,
    beside: Path | None,
    known: bool,
    no_fetch: bool,
    control: str,
    workspace: str | None,
) -> None:
    """Import the labels in FILE into CLASSIFIER: Label Studio's JSON or JSON-MIN, or a CSV.

    Run again after an interruption, what is here already is not doubled.
    """
    options = Options(KNOWN if known else CREATE, not no_fetch, control)
    data = _read(file)
    kind = exchange_imports.kind_of_file(file.name, data[:2_000])
    lines = exchange_imports.read_lines(kind, data, options)
    with open_service() as service, ExitStack() as stack:
        classifier_id = _find(service, service.workspace_id(workspace), classifier)
        with service.database.write() as session:
            row = classifiers.get_classifier(
                session, service.workspace_id(workspace), classifier_id
            )
            after = {"labels": kind, "path": str(file)}
            audit_log.note_in(session, row, "import.started", row.id, after=after)
        files = _beside(service, beside, stack)
        where = service.database, service.blobs, service.settings
        finder = Finder(*where, classifier_id, files, before=utcnow())
        importer = Importer(*where, classifier_id, origin="import")
        with Bar() as bar:
            report = exchange_imports.take(
                importer,
                lines,
                finder,
                options,
                progress=lambda now: bar.update("importing", now.done, now.total, counted(now)),
            )
    _print(report)


def _form(out: Path) -> str:
    return {".csv": exports.CSV, ".json": exports.LABEL_STUDIO}.get(out.suffix, exports.ZIP)


def _find(service: Service, workspace_id: str, name: str) -> str:
    with service.database.read() as session:
        return classifiers.find_classifier(session, workspace_id, name).id


def _read(file: Path) -> bytes:
    if file.stat().st_size > MAX_LABELS_BYTES:
        raise TooLarge(f"{file} has more than {MAX_LABELS_BYTES / 1e6:.0f} MB; split it.")
    return file.read_bytes()


def _beside(service: Service, path: Path | None, stack: ExitStack) -> Collection:
    limit = service.settings.max_upload_bytes
    if path is None:
        return Collection()
    if path.is_dir():
        return import_sources.folder(path, limit)
    stream: BinaryIO = stack.enter_context(path.open("rb"))
    return import_sources.archive(stream, path.stat().st_size, limit)


def _print(report: Report) -> None:
    click.echo(f"{report.total} pictures: {counted(report)}.")
    for problem in report.problems[:SHOWN]:
        click.echo(f"  skipped {problem.name}: {problem.reason}")
    if report.skipped > SHOWN:
        click.echo(f"  … and {report.skipped - SHOWN} more")
    for note in report.notes[:SHOWN]:
        click.echo(f"  note on {note.name}: {note.reason}")
