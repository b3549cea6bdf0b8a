"""`colabel undo`: take back what rules did, one by one or everything since nine o'clock."""

from __future__ import annotations

from datetime import datetime

import click
from sqlalchemy import exists, select

from connector.commands.common import (
    Service,
    data_option,
    open_service,
    work_until,
    workspace_option,
)
from connector.commands.show import Bar, table
from connector.db.session import now
from connector.db.tables import Action, UndoItem
from connector.db.types import Json
from connector.domain import classifiers, undo_selection, undoing, undos
from connector.domain.action_list import ActionFilter

BY = "colabel undo"


class Moment(click.ParamType[datetime]):
    """A time: "9:00" is today's, a date its midnight, and this machine's unless an offset says."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return it with its offset."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        try:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                clock = datetime.strptime(text, "%H:%M").time()
                moment = datetime.combine(datetime.now().date(), clock)
            return moment.astimezone()
        except (ValueError, OverflowError, OSError):
            self.fail(f"{text!r} is no time; write 9:00, 2026-11-25 or 2026-11-25T09:00.", param)


@click.command()
@click.argument("actions", metavar="[ACTION]…", nargs=-1)
@click.option("--rule", "rule_id", metavar="RULE", help="What this rule did (its id).")
@click.option("--classifier", metavar="CLASSIFIER", help="What this one's rules did (id or name).")
@click.option("--prediction", "prediction_id", metavar="PREDICTION", help="What was done to it.")
@click.option("--kind", help="Actions of this kind: move, copy, rotate, …")
@click.option("--since", type=Moment(), help="Done then or later: 9:00 is today's.")
@click.option("--until", type=Moment(), help="Done before then.")
@click.option("--dry-run", is_flag=True, help="Only say what could be undone.")
@workspace_option
@data_option
def undo(
    actions: tuple[str, ...],
    classifier: str | None,
    dry_run: bool,
    workspace: str | None,
    **fields: str | datetime | None,
) -> None:
    """Take ACTIONs back, or all that fits the options, what was done last first.

    A file that was changed since stays as it is, and is listed; the exit code is 1 then.
    """
    filtered = classifier is not None or any(value is not None for value in fields.values())
    if bool(actions) == filtered:
        raise click.UsageError("Name actions, or say by options what to undo, such as --rule.")
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        wanted = _filter(service, workspace_id, classifier, fields) if filtered else None
        ids = list(actions) or None
        if dry_run:
            with service.database.read() as session:
                chosen, total = undo_selection.selection(
                    session, workspace_id, ids=ids, wanted=wanted
                )
                _show(undo_selection.preview(session, chosen, total))
            return
        with service.database.write() as session:
            chosen, _ = undo_selection.selection(session, workspace_id, ids=ids, wanted=wanted)
            undo_id = undos.request(session, chosen, BY).id
        _follow(service, workspace_id, undo_id)


def _filter(
    service: Service,
    workspace_id: str,
    classifier: str | None,
    fields: dict[str, str | datetime | None],
) -> ActionFilter:
    with service.database.read() as session:
        found = classifier and classifiers.find_classifier(session, workspace_id, classifier).id
    return ActionFilter(classifier_id=found or None, **fields)  # type: ignore[arg-type]


def _show(found: undo_selection.Preview) -> None:
    click.echo(f"Could be undone: {found.undoable_count} of {found.total}. Nothing was changed.")
    _refusals(found.refused_count, found.refusals)


def _refusals(count: int, refusals: list[Json]) -> None:
    if refusals:
        rows = [(one["action_id"], one["kind"], one["detail"]) for one in refusals]
        click.echo(f"\n{table(('action', 'kind', 'why it stays'), rows)}")
    if count > len(refusals):
        click.echo(f"… and {count - len(refusals)} more.")


def _follow(service: Service, workspace_id: str, undo_id: str) -> None:
    def look() -> Json:
        with service.database.read() as session:
            row = undos.get(session, workspace_id, undo_id)
            return undos.shown(session, row, service.settings.public_url)

    with Bar() as bar:

        def finished() -> bool:
            found = look()
            ended = found["undone"] + found["refused"]
            bar.update("undoing", ended, found["total"], f"{ended} of {found['total']}")
            with service.database.read() as session:
                return found["status"] == "done" or undoing.only_retries(session, undo_id)

        work_until(service, "act", finished, lambda: _in_hand(service, undo_id))
    found = look()
    click.echo(f"Undone: {found['undone']}. Left as it is: {found['refused']}.")
    _refusals(found["refused"], found["refusals"])
    if found["waiting"]:
        click.echo(f"Not possible just now, tried again by itself: {found['waiting']}.")
    if found["refused"] or found["waiting"]:
        raise click.exceptions.Exit(1)


def _in_hand(service: Service, undo_id: str) -> bool:
    """Say whether a worker holds one of these actions at this moment."""
    with service.database.read() as session:
        held = exists().where(
            UndoItem.undo_id == undo_id,
            UndoItem.state == "requested",
            Action.id == UndoItem.action_id,
            Action.lease_until >= now(session),
        )
        return bool(session.scalar(select(held)))
