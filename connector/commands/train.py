"""`colabel train`: ask for a training run and follow it."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import select

from connector.commands.common import (
    Service,
    data_option,
    open_service,
    work_until,
    workspace_option,
)
from connector.commands.show import Bar, percent, table
from connector.db.session import now
from connector.db.tables import Import, TrainingRun
from connector.domain import classifiers, training
from connector.errors import ColabelError

FINISHED = ("done", "failed")


@click.command()
@click.argument("classifier")
@click.option("--finetune", is_flag=True, help="Train the whole network, which takes minutes.")
@workspace_option
@data_option
def train(classifier: str, finetune: bool, workspace: str | None) -> None:
    """Train CLASSIFIER (id or name) on its examples; it goes live if it is not worse.

    The running service does the work; when none runs, it is done here.
    """
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            row = classifiers.find_classifier(session, workspace_id, classifier)
            kind = training.FINETUNE if finetune else training.HEAD
            run_id = training.request_run(session, row, kind=kind).id
        with Bar() as bar:
            work_until(
                service,
                "train",
                lambda: _follow(service, run_id, bar),
                lambda: _under_way(service),
                slow=finetune,
            )
        shown = _run(service, run_id)
    if shown["error"] is not None:
        raise ColabelError(shown["error"]["detail"], code=shown["error"]["code"])
    _print(classifier, shown)


def _run(service: Service, run_id: str) -> dict[str, Any]:
    with service.database.read() as session:
        row = session.get_one(TrainingRun, run_id)
        return training.resource(row, service.settings.public_url)


def _follow(service: Service, run_id: str, bar: Bar) -> bool:
    shown = _run(service, run_id)
    if shown["status"] == "running" and shown["step"] is not None:
        bar.update(shown["step"], shown["done"], shown["total"], shown["message"] or "")
    elif shown["status"] == "queued":
        bar.update("waiting", 0, 0, "for the train worker")
    return shown["status"] in FINISHED


def _under_way(service: Service) -> bool:
    """Whether some train worker is alive: it holds a run or an import."""
    with service.database.read() as session:
        moment = now(session)
        return any(
            session.scalars(
                select(held.id).where(held.status == "running", held.lease_until > moment).limit(1)
            ).first()
            for held in (TrainingRun, Import)
        )


def _print(name: str, shown: dict[str, Any]) -> None:
    metrics = shown["metrics"] or {}
    click.echo(f"Version {shown['version']} of {name!r}: {shown['message']}")
    accuracy = metrics.get("accuracy")
    if accuracy is None:
        click.echo("There were too few pictures to hold some out: nobody knows how good it is yet.")
    else:
        low, high = metrics["accuracy_interval"]
        click.echo(
            f"On {metrics['count']} held-out pictures it has {percent(accuracy)} right "
            f"(95% interval {percent(low)} to {percent(high)})."
        )
        click.echo()
        click.echo(label_table(metrics))
    if shown["notice"]:
        click.echo(f"\nPlease note: {shown['notice']}")
    click.echo(f"\nNext: colabel classify {name!r} FILE…")


def label_table(metrics: dict[str, Any]) -> str:
    """Return precision and recall per label as a table."""
    rows = [
        (name, one["count"], _share(one["precision"]), _share(one["recall"]))
        for name, one in metrics["labels"].items()
    ]
    return table(("label", "pictures", "precision", "recall"), rows)


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)
