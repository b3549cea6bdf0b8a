"""Undo in bulk: asked for, looked up, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Insert, case, func, insert, literal, select
from sqlalchemy.orm import Session

from connector.db.session import want
from connector.db.tables import Action, Undo, UndoItem
from connector.db.types import Json
from connector.domain import audit_log, resources
from connector.domain.action_list import ActionFilter
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.domain.undo_selection import SHOWN, Selection, objection, refusal
from connector.errors import NotFound


def request(session: Session, chosen: Selection, by: str) -> Undo:
    """Have these actions undone, the last first; act workers do it. `by`: who asked."""
    undo = Undo(
        workspace_id=chosen.workspace_id,
        filter=_kept(chosen.filter) if chosen.filter is not None else None,
        status="running",
        requested_by=by,
    )
    session.add(undo)
    session.flush()
    session.execute(_items(undo.id, chosen))
    audit_log.note(
        session,
        chosen.workspace_id,
        "undo.requested",
        undo.id,
        after={"filter": undo.filter},
    )
    want(session, "act")
    return undo


def _items(undo_id: str, chosen: Selection) -> Insert:
    """Return the statement that writes down all these actions, what was done last first."""
    order = (Action.finished_at.desc(), Action.sequence.desc(), Action.id.desc())
    rank = func.row_number().over(order_by=order).label("rank")
    found = select(Action.id, Action.status, rank, objection(chosen).label("code"))
    rows = found.where(*chosen.conditions()).subquery()
    state = case(
        (rows.c.status == "undone", literal("undone")),
        (rows.c.code.is_not(None), literal("refused")),
        else_=literal("waiting"),
    )
    columns = ["undo_id", "action_id", "rank", "state", "code"]
    return insert(UndoItem).from_select(
        columns, select(literal(undo_id), rows.c.id, rows.c.rank, state, rows.c.code)
    )


def _kept(wanted: ActionFilter) -> Json:
    fields = ("rule_id", "classifier_id", "prediction_id", "kind")
    kept: Json = {name: getattr(wanted, name) for name in fields}
    kept |= {"since": resources.iso(wanted.since), "until": resources.iso(wanted.until)}
    return {name: value for name, value in kept.items() if value is not None}


def get(session: Session, workspace_id: str, undo_id: str) -> Undo:
    """Return one undo. Raises NotFound, for somebody else's too."""
    row = session.get(Undo, undo_id)
    if row is None or row.workspace_id != workspace_id:
        raise NotFound(f"There is no undo {undo_id} here.")
    return row


def list_undos(
    session: Session, workspace_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[Undo]:
    """Return a page of undos, newest first. Raises BadRequest for bad paging."""
    statement = select(Undo).where(Undo.workspace_id == workspace_id)
    return page(session, statement, Undo.id, cursor=cursor, limit=limit)


def list_refusals(
    session: Session, undo: Undo, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> tuple[list[Json], str | None]:
    """Return a page of the actions that stay done, and the next cursor. Raises BadRequest."""
    statement = select(UndoItem).where(UndoItem.undo_id == undo.id, UndoItem.state == "refused")
    found = page(session, statement, UndoItem.action_id, cursor=cursor, limit=limit)
    return _refusals(session, found.items), found.next_cursor


def _refusals(session: Session, items: Sequence[UndoItem]) -> list[Json]:
    ids = [one.action_id for one in items]
    pairs = select(Action.id, Action.kind).where(Action.id.in_(ids))
    kinds: dict[str, str] = dict(session.execute(pairs).all())
    return [refusal(one.action_id, kinds[one.action_id], one.code, one.error) for one in items]


def counts(session: Session, undo_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return how many actions are in each state, for each of these undos."""
    statement = (
        select(UndoItem.undo_id, UndoItem.state, func.count())
        .where(UndoItem.undo_id.in_(undo_ids))
        .group_by(UndoItem.undo_id, UndoItem.state)
    )
    found: dict[str, dict[str, int]] = {undo_id: {} for undo_id in undo_ids}
    for undo_id, state, count in session.execute(statement):
        found[undo_id][state] = count
    return found


def resource(row: Undo, counted: Mapping[str, int], public_url: str) -> Json:
    """Return what is shown of an undo; `counted`: its actions by state."""
    return {
        "id": row.id,
        "status": row.status,
        "filter": row.filter,
        "prediction_id": row.prediction_id,
        "label": row.label,
        "total": sum(counted.values()),
        "waiting": counted.get("waiting", 0) + counted.get("requested", 0),
        "undone": counted.get("undone", 0),
        "refused": counted.get("refused", 0),
        "requested_by": row.requested_by,
        "url": f"{public_url}/api/v1/undos/{row.id}",
        "created_at": resources.iso(row.created_at),
        "finished_at": resources.iso(row.finished_at),
    }


def shown(session: Session, row: Undo, public_url: str) -> Json:
    """Return an undo with its counts and the first of its refusals."""
    statement = (
        select(UndoItem)
        .where(UndoItem.undo_id == row.id, UndoItem.state == "refused")
        .order_by(UndoItem.rank)
        .limit(SHOWN)
    )
    refusals = _refusals(session, session.scalars(statement).all())
    counted = counts(session, [row.id])[row.id]
    return {**resource(row, counted, public_url), "refusals": refusals}
