"""A late correction: what was done is undone, what should have been done is."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue

from connector.domain import putting_right as domain
from connector.domain import remedies, resources, undos
from connector.web.api.common import PREFIX, public_url
from connector.web.auth import principal, workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_json
from connector.web.schemas.predictions import PutRight
from connector.web.schemas.undos import PutRightBegun, PutRightCreate
from connector.web.services import services

put_right = Api("put_right", __name__, tag="Actions")


@put_right.operation(
    "POST",
    f"{PREFIX}/predictions/<prediction_id>/put-right",
    "Put a picture right after a correction",
    scope="review",
    model=PutRightCreate,
    answers={
        200: Answer("A dry run, or nothing is to be done: what would put it right", PutRight),
        202: Answer("Under way: first the undo, then what is planned", PutRightBegun),
    },
    errors=(409,),
)
def create(prediction_id: str) -> ResponseReturnValue:
    """Actions that the rules in force do not have for the right label are undone, the last first;
    then those are done that they do have. If something cannot be undone, nothing new is done.
    """
    said = read_json(PutRightCreate)
    if said.dry_run:
        with services().database.read() as session:
            found = domain.look(session, workspace_id(), prediction_id, said.label)
            return remedies.resource(found, prediction_id, public_url())
    with services().database.write() as session:
        begun = domain.begin(
            session, workspace_id(), prediction_id, said.label, principal().key_name
        )
        if begun.undo is None and not begun.planned:
            return remedies.resource(begun.remedy, prediction_id, public_url())
        undo: dict[str, Any] | None = None
        if begun.undo is not None:
            counted = undos.counts(session, [begun.undo.id])[begun.undo.id]
            undo = undos.resource(begun.undo, counted, public_url())
        planned = [resources.action(row) for row in begun.planned]
    headers = {} if undo is None else {"Location": undo["url"]}
    return {"label": begun.remedy.label, "undo": undo, "planned": planned}, 202, headers
