"""`colabel source policy|backfill|backfills`: what an S3 source needs beyond being made."""

from __future__ import annotations

import json
from typing import Any

import click

from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import table
from connector.db.types import Json
from connector.domain import backfills, classifiers, source_names
from connector.domain.paging import MAX_LIMIT
from connector.domain.s3_setup import set_up

ROADS = ("sns", "sqs", "eventbridge", "minio")


@click.command()
@click.argument("classifier")
@click.argument("source")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@workspace_option
@data_option
def policy(classifier: str, source: str, as_json: bool, workspace: str | None) -> None:
    """Print what to paste at the store so that it reports to SOURCE (id or name)."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.read() as session:
            row = classifiers.find_classifier(session, workspace_id, classifier)
            found = source_names.find_source(session, row, source)
            shown = set_up(found, service.settings.public_url)
    click.echo(_json(shown) if as_json else "\n".join(_sections(shown)))


def _sections(shown: Json) -> list[str]:
    lines = [f"# Reports go to\n{shown['hook_url']}\n"]
    lines.append(f"# IAM policy of colabel's user\n{_json(shown['iam_policy'])}\n")
    for road in ROADS:
        if shown[road] is not None:
            lines.append(f"# By {road}")
            for name, content in shown[road]["files"].items():
                lines.append(f"## {name}\n{_json(content)}")
            lines += [*shown[road]["commands"], ""]
    return lines + [f"# Note: {sentence}" for sentence in shown["warnings"]]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


@click.command()
@click.argument("classifier")
@click.argument("source")
@click.option("--bucket", help="Which of the source's buckets, when it has several.")
@click.option("--prefix", help="Only keys that begin so.")
@workspace_option
@data_option
def backfill(
    classifier: str, source: str, bucket: str | None, prefix: str | None, workspace: str | None
) -> None:
    """Take what the buckets of SOURCE (id or name) hold already; print the back-fill's id."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            row = classifiers.find_classifier(session, workspace_id, classifier)
            found = source_names.find_source(session, row, source)
            made = backfills.begin(session, found, bucket=bucket, prefix=prefix)
            name = made.id
    click.echo(name)
    click.echo("colabel's clock works on it; `colabel source backfills` shows how far.", err=True)


@click.command("backfills")
@click.argument("classifier")
@click.argument("source")
@click.option("--stop", "stopped", metavar="ID", help="Stop this one first.")
@workspace_option
@data_option
def list_backfills(
    classifier: str, source: str, stopped: str | None, workspace: str | None
) -> None:
    """List the back-fills of SOURCE (id or name) and how far they are, newest first."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            row = classifiers.find_classifier(session, workspace_id, classifier)
            found = source_names.find_source(session, row, source)
            if stopped is not None:
                backfills.stop(session, backfills.get(session, found, stopped))
            items = backfills.list_all(session, found, limit=MAX_LIMIT).items
            shown = [backfills.resource(one, row, service.settings.public_url) for one in items]
    columns = ("id", "bucket", "prefix", "status", "seen", "accepted", "known", "ignored")
    rows = [[*(one[name] for name in columns), _why(one)] for one in shown]
    click.echo(table((*columns, "why"), rows))


def _why(one: Json) -> str:
    said = one["error"] or one["waiting"]
    return said["detail"] if said else "-"
