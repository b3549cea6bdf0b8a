"""`colabel alert`: try the alerts of rules, and see what is gathered to be told together."""

from __future__ import annotations

import json

import click

from connector.alerts.trial import Trial, try_out
from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import table
from connector.domain import classifiers, digest_sending, digests, resources, rules
from connector.errors import NotFound

SHOWN = 50


@click.group()
def alert() -> None:
    """Try the alerts of rules, and list digests."""


@alert.command()
@click.argument("classifier")
@click.argument("rule_id", required=False)
@workspace_option
@data_option
def test(classifier: str, rule_id: str | None, workspace: str | None) -> None:
    """Send a test by each alert of RULE_ID, or of all rules of CLASSIFIER (id or name)."""
    with open_service() as service:
        with service.database.read() as session:
            row = classifiers.find_classifier(session, service.workspace_id(workspace), classifier)
            found = (
                [rules.get_rule(session, row, rule_id)]
                if rule_id
                else [one for one in rules.list_rules(session, row) if _alerts(one.actions)]
            )
        if not found:
            raise NotFound(f"No rule of {row.name} has an alert.")
        tried = [
            (rule.rule_id, one)
            for rule in found
            for one in try_out(service.settings, row.name, rule.label, rule.actions)
        ]
    rows = [_line(*one) for one in tried]
    click.echo(table(("rule", "action", "channel", "ms", "answer"), rows))
    if any(one.error for _, one in tried):
        raise click.ClickException("Not every test was taken; see above.")


def _alerts(actions: list[dict[str, object]]) -> bool:
    return any(one["kind"] == "alert" for one in actions)


def _line(rule_id: str, one: Trial) -> tuple[object, ...]:
    said = one.error.detail if one.error else json.dumps(one.answer, ensure_ascii=False)
    return rule_id, one.position + 1, one.channel, one.duration_ms, said


@alert.command("digests")
@workspace_option
@data_option
def digests_(workspace: str | None) -> None:
    """List digests, the newest first: what waits to be told together, and what was."""
    with open_service() as service, service.database.read() as session:
        page = digests.list_digests(session, service.workspace_id(workspace), limit=SHOWN)
        shown = [
            resources.digest(
                row, digest_sending.summary(session, row.id), service.settings.public_url
            )
            for row in page.items
        ]
    rows = [
        (one["id"], one["rule_id"], one["status"], one["count"], one["due_at"], _why(one["error"]))
        for one in shown
    ]
    click.echo(table(("digest", "rule", "state", "alerts", "due", "last error"), rows))


def _why(error: dict[str, str] | None) -> str:
    return error["detail"] if error else ""
