"""`colabel audit`: who did what."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from connector.commands.common import data_option, open_service, workspace_option
from connector.commands.show import table
from connector.db.tables import AuditEntry
from connector.db.types import Json
from connector.domain import audit_log
from connector.domain.paging import MAX_LIMIT

SHOWN = 50


@click.command()
@click.option("--what", metavar="WHAT", help="rule.created, or rule for all about rules.")
@click.option("--by", metavar="WHO", help="A key's id, key, person, cli or system, or a name.")
@click.option("--resource", metavar="ID", help="Only changes of this.")
@click.option("--since", type=click.DateTime(), help="From then on (UTC).")
@click.option("--until", type=click.DateTime(), help="Before then (UTC).")
@click.option("--limit", type=click.IntRange(1), default=SHOWN, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with everything.")
@workspace_option
@data_option
def audit(
    what: str | None,
    by: str | None,
    resource: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
    workspace: str | None,
) -> None:
    """List who changed what in the workspace, the newest first."""
    found: list[AuditEntry] = []
    cursor = None
    with open_service() as service, service.database.read() as session:
        workspace_id = service.workspace_id(workspace)
        while len(found) < limit:
            page = audit_log.list_entries(
                session,
                workspace_id,
                what=what,
                by=by,
                resource_id=resource,
                since=since.replace(tzinfo=UTC) if since else None,
                until=until.replace(tzinfo=UTC) if until else None,
                cursor=cursor,
                limit=min(MAX_LIMIT, limit - len(found)),
            )
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
    if as_json:
        for one in found:
            click.echo(json.dumps(audit_log.resource(one), ensure_ascii=False))
        return
    rows = [
        (
            one.created_at.isoformat(timespec="seconds"),
            f"{one.actor_kind} {one.actor_name}",
            one.what,
            one.resource_id,
            _change(one.before, one.after),
        )
        for one in found
    ]
    click.echo(table(("when", "who", "what", "which", "change"), rows))


def _change(before: Json | None, after: Json | None) -> str:
    """Return e.g. "name: a -> b"."""
    old, new = before or {}, after or {}
    parts = []
    for name in dict.fromkeys([*old, *new]):
        was, now = (json.dumps(one.get(name), ensure_ascii=False) for one in (old, new))
        said = f"{was} -> {now}" if name in old and name in new else now if name in new else was
        parts.append(f"{name}: {said}")
    return ", ".join(parts)
