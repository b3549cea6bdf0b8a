"""`colabel promise`: what a classifier may be relied on for, and how that holds."""

from __future__ import annotations

from typing import Any

import click

from connector.commands.common import (
    Service,
    data_option,
    open_service,
    work_until,
    workspace_option,
)
from connector.commands.show import percent, table
from connector.db.types import Json
from connector.domain import classifiers, promises
from connector.errors import BadRequest


def promise_options(command: Any) -> Any:
    """Add the options that name a promise."""
    for option in (
        click.option("--confidence", "plain", is_flag=True, help="Ask below a threshold."),
        click.option("--ask-nothing", is_flag=True, help="Every answer is automatic."),
        click.option("--error-rate", type=float, metavar="X", help="At most X wrong, e.g. 0.02."),
        click.option("--per-label", type=float, metavar="X", help="The same for each label."),
        click.option("--questions-per-day", type=float, metavar="N", help="Ask about N a day."),
    ):
        command = option(command)
    return command


def wanted_promise(given: dict[str, Any]) -> Json | None:
    """Return the promise that the options name, None without any. Raises BadRequest for two."""
    named = [
        ({"kind": promises.CONFIDENCE}, given["plain"]),
        ({"kind": promises.NONE}, given["ask_nothing"]),
        ({"kind": promises.ERROR_RATE, "rate": given["error_rate"]}, given["error_rate"]),
        ({"kind": promises.PER_LABEL, "rate": given["per_label"]}, given["per_label"]),
        (
            {"kind": promises.CAPACITY, "questions_per_day": given["questions_per_day"]},
            given["questions_per_day"] is not None,
        ),
    ]
    chosen = [promise for promise, is_wanted in named if is_wanted]
    if len(chosen) > 1:
        raise BadRequest("Name one promise, not several.", code="bad_promise")
    return chosen[0] if chosen else None


@click.command()
@click.argument("classifier")
@promise_options
@click.option("--audit-share", type=float, metavar="X", help="Look over X of the answers.")
@workspace_option
@data_option
def promise(
    classifier: str, workspace: str | None, audit_share: float | None, **given: Any
) -> None:
    """Set what CLASSIFIER (id or name) promises, or show it; one in 20 such promises may fail.

    Without an option, shows the promise, the thresholds that keep it, and the error in the field.
    """
    wanted = wanted_promise(given)
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            row = classifiers.find_classifier(session, workspace_id, classifier)
            classifiers.update_classifier(session, row, promise=wanted, audit_share=audit_share)
            classifier_id, has_model = row.id, row.live_version is not None
        if has_model:
            work_until(service, "train", lambda: not _stale(service, classifier_id), lambda: False)
        with service.database.read() as session:
            row = classifiers.get_classifier(session, workspace_id, classifier_id)
            shown = classifiers.summary(session, row, service.settings.public_url)
    _print(shown)


def _stale(service: Service, classifier_id: str) -> bool:
    with service.database.read() as session:
        return classifiers.is_stale(session, classifier_id)


def _print(shown: dict[str, Any]) -> None:
    click.echo(promises.describe(shown["promise"]))
    point, field = shown["operating"], shown["field"]
    if shown["live_version"] is None:
        click.echo("There is no model yet; the promise holds from its first answer on.")
        return
    if point is not None:
        click.echo(f"\n{point['sentence']}")
        rows = [
            (label, "always asks" if value is None else percent(value))
            for label, value in point["thresholds"].items()
        ]
        click.echo(f"\n{table(('label', 'automatic from'), rows)}")
    if field is not None:
        click.echo(f"\nIn the field: {field['sentence']}")
        if field.get("drift") is not None:
            click.echo(f"Arriving pictures: {field['drift']['sentence']}")
    click.echo(f"\nLooked over: {percent(shown['audit_share'])} of the automatic answers.")
