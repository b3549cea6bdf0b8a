"""Actions: what rules did with pictures, and taking it back."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue

from connector.db.tables import Action as ActionRow
from connector.domain import action_list, effects, resources
from connector.domain.action_list import ActionFilter
from connector.errors import Conflict
from connector.web.answers import wait_for
from connector.web.api.common import PREFIX, listed
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_query
from connector.web.schemas.actions import ActionPage, ActionQuery
from connector.web.schemas.predictions import Action, ActionList
from connector.web.services import services

actions = Api("actions", __name__, tag="Actions")
UNDO_SECONDS = 10.0


@actions.operation(
    "GET",
    f"{PREFIX}/actions",
    "List actions",
    scope="read",
    query=ActionQuery,
    answers={200: Answer("One page, the last planned first", ActionPage)},
)
def list_all() -> ResponseReturnValue:
    """All of them, or those of a classifier, rule, prediction, kind, status or time."""
    query = read_query(ActionQuery)
    wanted = ActionFilter(**query.model_dump(exclude={"cursor", "limit"}))
    with services().database.read() as session:
        page = action_list.list_actions(
            session, workspace_id(), wanted, cursor=query.cursor, limit=query.limit
        )
    return listed([resources.action(row) for row in page.items], page.next_cursor)


@actions.operation(
    "GET",
    f"{PREFIX}/actions/<action_id>",
    "Show an action",
    scope="read",
    answers={200: Answer("The action", Action)},
)
def show(action_id: str) -> ResponseReturnValue:
    """With what was before and after."""
    return resources.action(_read(workspace_id(), action_id))


@actions.operation(
    "POST",
    f"{PREFIX}/actions/<action_id>/undo",
    "Take an action back",
    scope="review",
    answers={
        200: Answer("Undone", Action),
        202: Answer("Not undone yet; look at the action again in a moment", Action),
    },
    errors=(409, 410),
)
def undo(action_id: str) -> ResponseReturnValue:
    """Waits up to 10 s. A file that was changed since stays as it is, and the answer says so."""
    workspace = workspace_id()
    with services().database.write() as session:
        effects.request_undo(session, workspace, action_id)
    settled = wait_for(lambda: not _read(workspace, action_id).pending, UNDO_SECONDS)
    row = _read(workspace, action_id)
    if settled and row.status != "undone":
        raise _refused(row)
    return resources.action(row), 200 if settled else 202


@actions.operation(
    "POST",
    f"{PREFIX}/predictions/<prediction_id>/undo",
    "Take back all that was done with a picture",
    scope="review",
    answers={
        200: Answer("All undone, the last action first", ActionList),
        202: Answer("Not all undone yet; look at the prediction again in a moment", ActionList),
    },
    errors=(409, 410),
)
def undo_all(prediction_id: str) -> ResponseReturnValue:
    """Waits up to 10 s."""
    workspace = workspace_id()
    with services().database.write() as session:
        ids = [row.id for row in effects.request_undo_all(session, workspace, prediction_id)]
    settled = wait_for(
        lambda: not any(row.pending for row in _read_all(workspace, ids)), UNDO_SECONDS
    )
    rows = _read_all(workspace, ids)
    refused = next((row for row in rows if settled and row.status != "undone"), None)
    if refused is not None:
        raise _refused(refused)
    shown: dict[str, Any] = {"items": [resources.action(row) for row in rows]}
    return shown, 200 if settled else 202


def _read(workspace: str, action_id: str) -> ActionRow:
    with services().database.read() as session:
        return effects.get_action(session, workspace, action_id)


def _read_all(workspace: str, ids: list[str]) -> list[ActionRow]:
    with services().database.read() as session:
        return [effects.get_action(session, workspace, action_id) for action_id in ids]


def _refused(row: ActionRow) -> Conflict:
    sentence = row.error or "The action could not be undone; look at it for the reason."
    return Conflict(sentence, code=row.error_code or "undo_refused", action=resources.action(row))
