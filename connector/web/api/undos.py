"""Undo in bulk: a selection, or everything that a rule did since nine o'clock."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import undo_selection
from connector.domain import undos as domain
from connector.domain.action_list import ActionFilter
from connector.web.api.common import PREFIX, listed, public_url
from connector.web.auth import principal, workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_json, read_query
from connector.web.schemas.base import PageQuery
from connector.web.schemas.undos import RefusalPage, Undo, UndoCreate, UndoPage, UndoPreview
from connector.web.services import services

undos = Api("undos", __name__, tag="Actions")
ONE = f"{PREFIX}/undos/<undo_id>"


@undos.operation(
    "POST",
    f"{PREFIX}/undos",
    "Take many actions back",
    scope="review",
    model=UndoCreate,
    answers={
        200: Answer("A dry run: what could be undone and what not", UndoPreview),
        202: Answer("Under way, what was done last first; look at it again for progress", Undo),
    },
    errors=(404,),
)
def create() -> ResponseReturnValue:
    """Either `actions` (up to 1,000 ids) or a `filter` of what was done (up to 100,000). What was
    done to one picture is taken back in reverse order. A file that was changed since stays as it
    is and is listed under `refusals`.
    """
    said = read_json(UndoCreate)
    wanted = ActionFilter(**said.filter.model_dump()) if said.filter is not None else None
    if said.dry_run:
        with services().database.read() as session:
            chosen, total = undo_selection.selection(
                session, workspace_id(), ids=said.actions, wanted=wanted
            )
            found = undo_selection.preview(session, chosen, total)
        return {
            "total": found.total,
            "undoable": found.undoable_count,
            "refused": found.refused_count,
            "actions": found.undoable,
            "refusals": found.refusals,
        }
    with services().database.write() as session:
        chosen, _ = undo_selection.selection(
            session, workspace_id(), ids=said.actions, wanted=wanted
        )
        row = domain.request(session, chosen, principal().key_name)
        shown = domain.shown(session, row, public_url())
    return shown, 202, {"Location": shown["url"]}


@undos.operation(
    "GET",
    f"{PREFIX}/undos",
    "List undos",
    scope="read",
    query=PageQuery,
    answers={200: Answer("One page, newest first", UndoPage)},
)
def list_all() -> ResponseReturnValue:
    """With how far each is."""
    query = read_query(PageQuery)
    with services().database.read() as session:
        page = domain.list_undos(session, workspace_id(), cursor=query.cursor, limit=query.limit)
        counted = domain.counts(session, [row.id for row in page.items])
    shown = [domain.resource(row, counted[row.id], public_url()) for row in page.items]
    return listed(shown, page.next_cursor)


@undos.operation(
    "GET",
    ONE,
    "Show an undo",
    scope="read",
    answers={200: Answer("How far it is, and what stays done", Undo)},
)
def show(undo_id: str) -> ResponseReturnValue:
    """Its `status` is done when nothing waits any more, whether all was undone or not."""
    with services().database.read() as session:
        row = domain.get(session, workspace_id(), undo_id)
        return domain.shown(session, row, public_url())


@undos.operation(
    "GET",
    f"{ONE}/refusals",
    "List what an undo left as it is",
    scope="read",
    query=PageQuery,
    answers={200: Answer("One page", RefusalPage)},
)
def refusals(undo_id: str) -> ResponseReturnValue:
    """Each with its reason."""
    query = read_query(PageQuery)
    with services().database.read() as session:
        row = domain.get(session, workspace_id(), undo_id)
        items, following = domain.list_refusals(
            session, row, cursor=query.cursor, limit=query.limit
        )
    return listed(items, following)
