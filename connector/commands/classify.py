"""`colabel classify`: what the live model says of picture files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from connector.commands.answers import answers
from connector.commands.common import (
    Service,
    data_option,
    open_service,
    work_until,
    workspace_option,
)
from connector.commands.show import Bar, percent, table
from connector.db.tables import Classifier, Prediction
from connector.domain import classifiers, predictions, resources
from connector.domain.predictions import SourceRef, Submission
from connector.errors import ColabelError

OPEN_ACTIONS = ("planned",)


@click.command()
@click.argument("classifier")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--act", is_flag=True, help="Keep the predictions and let the rules work on these very files."
)
@workspace_option
@data_option
def classify(classifier: str, files: tuple[Path, ...], act: bool, workspace: str | None) -> None:
    """Say what CLASSIFIER (id or name) makes of FILES.

    Without --act nothing is kept and nothing happens to the files.
    """
    with open_service() as service:
        with service.database.read() as session:
            row = classifiers.find_classifier(session, service.workspace_id(workspace), classifier)
            classifier_id = row.id
        shown = _act(service, classifier_id, files) if act else _look(classifier_id, files)
    click.echo(table(("file", "answer", "confidence", "what happened"), shown))
    if any(row[1] == "-" for row in shown):
        raise ColabelError("Not every file could be classified; the table says why.")


def _look(classifier_id: str, files: tuple[Path, ...]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []

    def each(message: dict[str, Any]) -> None:
        name = str(files[len(rows)])
        probabilities = message.get("probabilities")
        if probabilities is None:
            rows.append((name, "-", "", message["error"]))
            return
        best = max(probabilities, key=lambda label: probabilities[label])
        rows.append((name, best, percent(probabilities[best]), ""))

    answers(classifier_id, [(path, None) for path in files], each)
    return rows


def _act(service: Service, classifier_id: str, files: tuple[Path, ...]) -> list[tuple[str, ...]]:
    with service.database.read() as session:
        row = session.get_one(Classifier, classifier_id)
        api = classifiers.source(session, row, classifiers.API)
        source = SourceRef(api.id, api.workspace_id, api.classifier_id)
    ids: dict[Path, str] = {}
    refused: dict[Path, str] = {}
    for path in files:
        location = {"kind": "local", "path": str(path.absolute())}
        submission = Submission(path.read_bytes(), name=path.name, location=location)
        try:
            ids[path] = predictions.submit(
                service.database,
                service.blobs,
                service.settings,
                source=source,
                submission=submission,
                way="cli",
            ).id
        except ColabelError as error:
            if error.code == "no_model":
                raise
            refused[path] = error.detail
    _wait(service, list(ids.values()))
    with service.database.read() as session:
        rows = [session.get_one(Prediction, prediction_id) for prediction_id in ids.values()]
        found = resources.predictions(session, rows, service.settings.public_url)
    by_file = dict(zip(ids, found, strict=True))
    return [
        _row(path, by_file[path]) if path in by_file else (str(path), "-", "", refused[path])
        for path in files
    ]


def _wait(service: Service, ids: list[str]) -> None:
    def states() -> list[str]:
        with service.database.read() as session:
            return [predictions.status(session, one) for one in ids]

    def planned() -> int:
        with service.database.read() as session:
            rows = [session.get_one(Prediction, one) for one in ids]
            shown = resources.predictions(session, rows, service.settings.public_url)
        return sum(a["status"] in OPEN_ACTIONS for one in shown for a in one["actions"])

    total = len(ids)
    with Bar() as bar:

        def classified() -> bool:
            waiting = states().count("queued")
            bar.update("classifying", total - waiting, total, f"{total - waiting} of {total}")
            return not waiting

        work_until(service, "classify", classified, lambda: False)
        if planned():
            work_until(service, "act", lambda: not planned(), lambda: False)


def _row(path: Path, shown: dict[str, Any]) -> tuple[str, ...]:
    if shown["status"] == "failed":
        return str(path), "-", "", shown["error"]["detail"]
    happened = [f"{action['kind']} {action['status']}" for action in shown["actions"]]
    if shown["status"] == "needs_review":
        happened = [f"a person is asked: {shown['review_url']}"]
    where = shown["location"].get("path")
    if where and where != str(path.absolute()):
        happened.append(f"now {where}")
    if not happened:
        happened = ["no rule for it"]
    return str(path), shown["label"], percent(shown["confidence"]), "; ".join(happened)
