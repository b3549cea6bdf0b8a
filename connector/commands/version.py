"""`colabel version`: the history of a classifier's models, compared and put back."""

from __future__ import annotations

import click

from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import percent, table
from connector.commands.studies import answered
from connector.domain import classifiers, studies, versions

SHOWN = 100


@click.group()
def version() -> None:
    """List, compare and put back model versions."""


@version.command("list")
@click.argument("classifier")
@workspace_option
@data_option
def list_(classifier: str, workspace: str | None) -> None:
    """List the versions of CLASSIFIER (id or name), the newest first."""
    with open_service() as service, service.database.read() as session:
        row = classifiers.find_classifier(session, service.workspace_id(workspace), classifier)
        found = versions.list_versions(session, row, limit=SHOWN).items
        rows = [
            (
                one.number,
                "live" if one.number == row.live_version else "",
                one.kind,
                one.created_at.isoformat(timespec="minutes"),
                one.metrics.get("count", 0),
                "-" if one.metrics.get("accuracy") is None else percent(one.metrics["accuracy"]),
            )
            for one in found
        ]
    click.echo(table(("version", "", "kind", "made", "held out", "right"), rows))


@version.command()
@click.argument("classifier")
@click.argument("number", type=int)
@workspace_option
@data_option
def promote(classifier: str, number: int, workspace: str | None) -> None:
    """Put version NUMBER of CLASSIFIER live at once, an older one too."""
    with open_service() as service, service.database.write() as session:
        row = classifiers.find_classifier(session, service.workspace_id(workspace), classifier)
        versions.promote(session, service.settings, row, number)
    click.echo(f"Version {number} answers from now on.")


@version.command()
@click.argument("classifier")
@click.argument("older", type=int)
@click.argument("newer", type=int)
@workspace_option
@data_option
def compare(classifier: str, older: int, newer: int, workspace: str | None) -> None:
    """Compare two versions of CLASSIFIER on held-out pictures that neither learned from."""
    with open_service() as service:
        result = answered(
            service, workspace, classifier, studies.COMPARISON, {"versions": [older, newer]}
        )
    click.echo(result["sentence"])
