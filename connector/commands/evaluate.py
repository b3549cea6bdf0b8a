"""`colabel evaluate`: an honest score on pictures whose labels are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from connector.commands.answers import answers, labelled_folders
from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import Bar, percent, table
from connector.commands.train import label_table
from connector.domain import classifiers
from connector.errors import ColabelError

WIDEST = 12


@click.command()
@click.argument("classifier")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@workspace_option
@data_option
def evaluate(classifier: str, folder: Path, workspace: str | None) -> None:
    """Classify the labelled FOLDERs of pictures and compare; nothing is kept.

    The result is honest only for pictures that CLASSIFIER was not trained on.
    """
    files = labelled_folders(folder)
    errors: list[dict[str, Any]] = []
    done = 0
    with open_service() as service:
        with service.database.read() as session:
            workspace_id = service.workspace_id(workspace)
            classifier_id = classifiers.find_classifier(session, workspace_id, classifier).id
        with Bar() as bar:

            def each(message: dict[str, Any]) -> None:
                nonlocal done
                done += 1
                if "error" in message:
                    errors.append(message)
                bar.update("classifying", done, len(files), f"{done} of {len(files)}")

            scores = answers(classifier_id, files, each)
    for message in errors:
        click.echo(f"  skipped {message['path']}: {message['error']}")
    if scores is None:
        raise ColabelError(
            f"No folder under {folder} is named like a label of {classifier!r}, or no picture "
            "could be read; name the folders like the labels."
        )
    _print(scores)


def _print(scores: dict[str, Any]) -> None:
    low, high = scores["accuracy_interval"]
    click.echo(
        f"{percent(scores['accuracy'])} of {scores['count']} pictures right "
        f"(95% interval {percent(low)} to {percent(high)})."
    )
    if scores["unknown_labels"]:
        names = ", ".join(scores["unknown_labels"])
        click.echo(f"Left out, because the model does not know these labels: {names}.")
    click.echo(f"\n{label_table(scores)}")
    labels, rows = scores["confusion"]["labels"], scores["confusion"]["rows"]
    if len(labels) <= WIDEST:
        click.echo("\nWhat they are (rows) and what the model said (columns):")
        click.echo(
            table(("", *labels), [(label, *row) for label, row in zip(labels, rows, strict=True)])
        )
        return
    mistakes = sorted(
        (
            (count, labels[i], labels[j])
            for i, row in enumerate(rows)
            for j, count in enumerate(row)
            if i != j and count
        ),
        reverse=True,
    )
    click.echo("\nThe most frequent mistakes:")
    click.echo(table(("times", "is", "taken for"), mistakes[:WIDEST]))
