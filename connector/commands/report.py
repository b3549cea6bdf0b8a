"""`colabel report`: how good a version is, in sentences and tables."""

from __future__ import annotations

import json
from typing import Any

import click

from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import percent, table
from connector.domain import classifiers, versions
from connector.errors import Conflict

WIDEST = 12


@click.command()
@click.argument("classifier")
@click.option("--version", "number", type=int, help="Which version (default: the live one).")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@workspace_option
@data_option
def report(classifier: str, number: int | None, as_json: bool, workspace: str | None) -> None:
    """Say how good CLASSIFIER (id or name) is, on pictures that it never learned from."""
    with open_service() as service:
        with service.database.read() as session:
            row = classifiers.find_classifier(session, service.workspace_id(workspace), classifier)
            if number is None and row.live_version is None:
                raise Conflict(
                    f"{row.name!r} has no model yet; run `colabel train {row.name!r}`.",
                    code="no_model",
                )
            file = versions.report(versions.version(session, row, number or row.live_version or 0))
        found = json.loads(service.blobs.read(file))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    click.echo(found["headline"]["sentence"])
    rows = [
        (one["label"], one["count"], _share(one["precision"]), _share(one["recall"]))
        for one in found["per_label"]
    ]
    click.echo(f"\n{table(('label', 'pictures', 'precision', 'recall'), rows)}")
    if found["most_confused"]:
        click.echo("\nMost often confused:")
        for one in found["most_confused"][:WIDEST]:
            click.echo(f"  {one['sentence']}")
    if suspects := found["suspects"]["pictures"]:
        click.echo("\nLabels that look wrong (the picture's SHA-256, its label, the likelier one):")
        shown = [(one["sha256"][:12], one["given"], one["suggested"]) for one in suspects[:WIDEST]]
        click.echo(table(("picture", "label", "likelier"), shown))
    for one in found["advice"]:
        click.echo(f"\n{one['sentence']}")


def _share(value: dict[str, Any]) -> str:
    if value["value"] is None:
        return "-"
    return f"{percent(value['value'])} ({percent(value['low'])} to {percent(value['high'])})"
