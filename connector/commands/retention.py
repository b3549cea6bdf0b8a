"""`colabel retention`: which pictures go after some time, and letting them go now."""

from __future__ import annotations

import click
from sqlalchemy import select

from connector.commands.common import Service, data_option, open_service
from connector.commands.show import table
from connector.db.tables import Classifier
from connector.domain import retention as domain
from connector.domain.retention import Released
from connector.domain.retention_survey import survey


@click.group(invoke_without_command=True)
@click.option("--dry-run", is_flag=True, help="Say how many pictures would go now, delete none.")
@data_option
@click.pass_context
def retention(ctx: click.Context, dry_run: bool) -> None:
    """Show after how many days pictures are deleted; `run` deletes those that are due."""
    if ctx.invoked_subcommand is not None:
        return
    with open_service() as service:
        if dry_run:
            _tell(survey(service.database, service.settings), "would go")
        else:
            _show(service)


@retention.command("run")
@click.option("--dry-run", is_flag=True, help="Say how many pictures would go now, delete none.")
@data_option
def run(dry_run: bool) -> None:
    """Delete the pictures that are due, in small batches; the clock does it every hour, too."""
    with open_service() as service:
        if dry_run:
            _tell(survey(service.database, service.settings), "would go")
            return
        total = Released()
        for released in domain.passes(service.database, service.blobs, service.settings):
            total += released
            if released.predictions:
                click.echo(f"… {total.predictions:,} predictions", err=True)
        _tell(total, "went")


def _tell(released: Released, what: str) -> None:
    click.echo(
        f"The pictures of {released.predictions:,} predictions {what}: {released.pictures:,} "
        f"pictures that nothing else needs, {released.bytes / 1e6:,.1f} MB. Answers are kept."
    )


def _show(service: Service) -> None:
    with service.database.read() as session:
        statement = select(Classifier).where(Classifier.deleted_at.is_(None))
        rows = [
            (row.name, _said(domain.days_of(row, service.settings)))
            for row in session.scalars(statement.order_by(Classifier.name))
        ]
    default = _said(service.settings.retention_days)
    click.echo(f"Pictures are deleted: {default} (COLABEL_RETENTION_DAYS), or as here:")
    click.echo(table(("classifier", "deleted"), rows))


def _said(days: int) -> str:
    return f"after {days} days" if days else "never"
