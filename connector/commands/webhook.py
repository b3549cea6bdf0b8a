"""`colabel webhook`: who is told what, what was delivered, and sending it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import table
from connector.domain import delivery_log, event_filters, outbound
from connector.sending import send

SHOWN = 50
STATES = ("pending", "delivered", "failed", "cancelled")


@click.group()
def webhook() -> None:
    """List webhooks and deliveries, send again, test, and replace secrets."""


@webhook.command("list")
@workspace_option
@data_option
def list_(workspace: str | None) -> None:
    """List the subscriptions, the oldest first."""
    with open_service() as service, service.database.read() as session:
        found = outbound.list_webhooks(session, service.workspace_id(workspace))
        rows = [
            (
                one.id,
                one.url,
                ", ".join(one.event_types),
                event_filters.sentence(one.filters),
                one.disabled_reason or "on",
            )
            for one in found
        ]
    click.echo(table(("webhook", "url", "events", "of these", "state"), rows))


@webhook.command()
@click.argument("webhook_id")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@workspace_option
@data_option
def deliveries(webhook_id: str, state: str | None, workspace: str | None) -> None:
    """List the latest deliveries to WEBHOOK_ID, the newest first."""
    with open_service() as service, service.database.read() as session:
        row = outbound.get_webhook(session, service.workspace_id(workspace), webhook_id)
        page = delivery_log.list_deliveries(session, row, state=state, limit=SHOWN)
        rows = [
            (
                one["id"],
                one["event_type"],
                one["state"],
                len(one["attempts"]),
                one["created_at"],
                (one["attempts"][-1]["error"] or "") if one["attempts"] else "",
            )
            for one in delivery_log.show(session, page.items)
        ]
    click.echo(table(("delivery", "event", "state", "attempts", "made", "last error"), rows))


@webhook.command()
@click.argument("webhook_id")
@click.argument("delivery_id", required=False)
@click.option("--from", "start", type=click.DateTime(), help="Those made from then on (UTC).")
@click.option("--to", "end", type=click.DateTime(), help="And before then (UTC; default: now).")
@workspace_option
@data_option
def replay(
    webhook_id: str,
    delivery_id: str | None,
    start: datetime | None,
    end: datetime | None,
    workspace: str | None,
) -> None:
    """Send DELIVERY_ID again, or what was made in a period, under the same webhook-id."""
    if (delivery_id is None) == (start is None):
        raise click.UsageError("Name a delivery, or a period with --from.")
    with open_service() as service, service.database.write() as session:
        row = outbound.get_webhook(session, service.workspace_id(workspace), webhook_id)
        if delivery_id is not None:
            delivery_log.replay(session, row, delivery_id)
            count = 1
        elif start is not None:
            until = end.replace(tzinfo=UTC) if end else datetime.now(UTC)
            period = delivery_log.Period(start.replace(tzinfo=UTC), until)
            count = delivery_log.replay_period(session, row, period)
    click.echo(f"Sent again: {count}.")


@webhook.command()
@click.argument("webhook_id")
@workspace_option
@data_option
def test(webhook_id: str, workspace: str | None) -> None:
    """Send a signed sample event to WEBHOOK_ID now, and say what came back."""
    with open_service() as service:
        with service.database.write() as session:
            row = outbound.get_webhook(session, service.workspace_id(workspace), webhook_id)
            claim, parcel = delivery_log.begin_test(session, row)
        outcome = send(service.settings, parcel)
        with service.database.write() as session:
            delivery_log.end_test(session, claim, outcome)
    if outcome.error is not None:
        raise click.ClickException(outcome.error)
    click.echo(f"Taken with {outcome.status} after {outcome.duration_ms} ms.")


@webhook.command()
@click.argument("webhook_id")
@click.option("--grace-hours", type=click.FloatRange(0, 168), default=24, show_default=True)
@workspace_option
@data_option
def rotate(webhook_id: str, grace_hours: float, workspace: str | None) -> None:
    """Replace the secret of WEBHOOK_ID; the old one signs too for a while."""
    with open_service() as service, service.database.write() as session:
        row = outbound.get_webhook(session, service.workspace_id(workspace), webhook_id)
        secret = outbound.rotate_secret(session, row, timedelta(hours=grace_hours)).secret
    click.echo(f"The new secret, shown this once: {secret}")
