"""What somebody can do about one picture: try again, take back, give another answer, delete it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import (
    corrections,
    effects,
    forgetting,
    people,
    predictions,
    putting_right,
    redoing,
    remedies,
)
from connector.domain.corrections import By
from connector.errors import ColabelError
from connector.web.answers import delete_now
from connector.web.services import services
from connector.web.ui import deeds, flashes, visitors
from connector.web.ui.rendering import go, page
from connector.web.ui.views.activity.journeys import ONE, journey

# It does not fit now, the picture is gone, or there is no such label.
MENDABLE = (409, 410, 422)
# What is said in other words than to programs: by the error's code.
SAID = {"undo_later_first": "journey.later_first", "picture_needed": "journey.needed"}


@journey.action(f"{ONE}/retry")
def retry(prediction_id: str) -> ResponseReturnValue:
    """Classify a picture that failed once more."""
    with _told(), services().database.write() as session:
        predictions.retry(session, visitors.workspace_id(), prediction_id)
        flashes.flash("journey.retried")
    return go("journey.show", prediction_id=prediction_id)


@journey.action(f"{ONE}/redo")
def redo(prediction_id: str) -> ResponseReturnValue:
    """Do again what rules wanted and could not do."""
    with _told(), services().database.write() as session:
        planned = redoing.try_again(session, visitors.workspace_id(), prediction_id)
        flashes.flash("journey.redone", count=len(planned))
    return go("journey.show", prediction_id=prediction_id)


@journey.action(f"{ONE}/undo")
def undo_all(prediction_id: str) -> ResponseReturnValue:
    """Take back all that was done with a picture."""
    with _told(), services().database.write() as session:
        asked = effects.request_undo_all(session, visitors.workspace_id(), prediction_id)
        flashes.flash("journey.undoing", count=len(asked))
    return go("journey.show", prediction_id=prediction_id)


@journey.action("/actions/<action_id>/undo")
def undo(action_id: str) -> ResponseReturnValue:
    """Take one action back."""
    with services().database.read() as session:
        action = effects.get_action(session, visitors.workspace_id(), action_id)
    with _told(), services().database.write() as session:
        asked = effects.request_undo(session, visitors.workspace_id(), action_id)
        if asked.status == "undone":
            flashes.flash("journey.was_undone")
        else:
            flashes.flash("journey.undoing", count=1)
    return go("journey.show", prediction_id=action.prediction_id)


@journey.page(f"{ONE}/correct", title="journey.correct_title", role="member")
def correction(prediction_id: str) -> ResponseReturnValue:
    """What another answer would change, before it is given."""
    label = request.args.get("label") or None
    with services().database.read() as session:
        row = predictions.get(session, visitors.workspace_id(), prediction_id)
        try:
            found = putting_right.look(session, row.workspace_id, row.id, label)
        except ColabelError as error:
            _say(error)
            return go("journey.show", prediction_id=prediction_id)
        would_do = [remedies.planned_resource(one) for one in found.do]
    return page(
        "activity/correct.html", prediction=row, remedy=found, would_do=would_do, deeds=deeds
    )


@journey.action(f"{ONE}/correct")
def correct(prediction_id: str) -> ResponseReturnValue:
    """Give it; what followed from the answer before is put right."""
    who, here, label = visitors.person(), services(), request.form.get("label", "")
    by = By(who.name, who.person_id, people.may(who.role, people.MEMBER))
    with _told(), here.database.write() as session:
        done = corrections.correct_picture(
            session, here.settings, who.workspace_id, prediction_id, label, by
        )
        flashes.flash("journey.corrected", label=label)
        if done.kept:
            flashes.flash("journey.kept", "bad", count=done.kept)
    return go("journey.show", prediction_id=prediction_id)


@journey.page(f"{ONE}/delete", title="journey.delete_title", role="member")
def ask(prediction_id: str) -> ResponseReturnValue:
    """What would go with the picture, before it is deleted."""
    here = services()
    with here.database.read() as session:
        row = predictions.get(session, visitors.workspace_id(), prediction_id)
        needs = forgetting.needs(session, here.settings, row.workspace_id, row.id)
    kinds = dict.fromkeys(one.kind for one in needs)
    return page(
        "activity/delete.html",
        prediction=row,
        kinds=list(kinds),
        final=[kind for kind in kinds if kind in forgetting.FINAL],
    )


@journey.action(f"{ONE}/delete")
def delete(prediction_id: str) -> ResponseReturnValue:
    """Delete the picture; its answer stays."""
    here, force = services(), request.form.get("force") == "on"
    with _told():
        with here.database.write() as session:
            forgetting.forget_prediction(
                session, here.settings, visitors.workspace_id(), prediction_id, force=force
            )
        delete_now(here.database, here.blobs)
        flashes.flash("journey.deleted")
    return go("journey.show", prediction_id=prediction_id)


@contextmanager
def _told() -> Iterator[None]:
    """Have the page of the picture say what cannot be done now; raise what it cannot mend."""
    try:
        yield
    except ColabelError as error:
        _say(error)


def _say(error: ColabelError) -> None:
    if error.status not in MENDABLE:
        raise error
    if error.code in SAID:
        flashes.flash(SAID[error.code], "bad")
    else:
        flashes.say(error.detail, "bad")
