"""Taking back much at once: looked at first, then done, followed, and what stayed said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.types import utcnow
from connector.domain import activity_choices, undo_lists, undo_selection, undos
from connector.domain.action_list import ActionFilter
from connector.domain.undo_selection import Selection
from connector.errors import ColabelError, Unprocessable
from connector.web.services import services
from connector.web.ui import activities, deeds, flashes, visitors
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, live, page
from connector.web.ui.views.activity.listing import rule_name
from connector.web.ui.words import t

bulk_undo = Pages("bulk_undo", __name__)
LOOK = "/activity/undo"
ONE = "/activity/undos/<undo_id>"
FIELDS = ("rule", "classifier", "kind")
TIMES = ("since", "until")
# No mistake: somebody has looked, and there is nothing.
NOTHING = "nothing_to_undo"


@bulk_undo.page(LOOK, title="bulk.title", role="member")
def show() -> ResponseReturnValue:
    """What it would be: nothing is done yet."""
    form = Form.empty(**{name: request.args.get(name, "") for name in (*FIELDS, *TIMES)})
    pictures = request.args.getlist("picture")[: undo_selection.MOST_NAMED]
    context: dict[str, Any] = {
        "preview": None,
        "nothing": False,
        "reasons": [],
        "first": [],
        "fields": {},
    }
    with services().database.read() as session:
        choices = activity_choices.choices(session, visitors.workspace_id())
        if pictures or any(form.values.values()):
            try:
                context |= _look(session, form, pictures)
            except ColabelError as error:
                context["nothing"] = error.code == NOTHING
                if not context["nothing"]:
                    form.refuse(error, {"bad_time": "since"})
    return page(
        "activity/undo.html",
        status=form.status,
        form=form,
        pictures=pictures,
        choices=choices,
        rule_name=rule_name,
        deeds=deeds,
        **context,
    )


def _look(session: Session, form: Form, pictures: list[str]) -> dict[str, Any]:
    chosen, total = _selection(session, form.values, pictures)
    found = undo_selection.preview(session, chosen, total)
    fields = dict(form.values)
    if not pictures and not fields.get("until"):
        # What is done between now and the button is not meant.
        fields["until"] = utcnow().isoformat(timespec="seconds")
    return {
        "preview": found,
        "reasons": undo_selection.reasons(session, chosen) if found.refused_count else [],
        "first": undo_lists.deeds(session, found.undoable[: undo_lists.SHOWN]),
        "fields": {name: value for name, value in fields.items() if value},
    }


def _selection(
    session: Session, values: dict[str, str], pictures: list[str]
) -> tuple[Selection, int]:
    """Return what is meant. Raises what `undo_selection.selection` raises, and for a bad time."""
    workspace_id = visitors.workspace_id()
    if pictures:
        ids = undo_selection.of_pictures(session, workspace_id, pictures)
        return undo_selection.selection(session, workspace_id, ids=ids)
    wanted = ActionFilter(
        rule_id=values.get("rule") or None,
        classifier_id=values.get("classifier") or None,
        kind=values.get("kind") or None,
        since=_time(values.get("since")),
        until=_time(values.get("until")),
    )
    return undo_selection.selection(session, workspace_id, wanted=wanted)


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return activities.moment(text)
    except (ValueError, OverflowError) as error:
        raise Unprocessable(t("bulk.bad_time"), code="bad_time") from error


@bulk_undo.action(LOOK)
def begin() -> ResponseReturnValue:
    """Do it; workers go through it, what was done last first."""
    pictures = request.form.getlist("picture")[: undo_selection.MOST_NAMED]
    try:
        with services().database.write() as session:
            chosen, _ = _selection(session, dict(request.form.items()), pictures)
            row = undos.request(session, chosen, visitors.person().name)
    except ColabelError as error:
        if error.code != NOTHING:
            raise
        # Somebody else was quicker.
        flashes.flash("bulk.nothing_any_more", "bad")
        return go("bulk_undo.past")
    return go("bulk_undo.one", undo_id=row.id)


@bulk_undo.page("/activity/undos", title="bulk.list_title")
def past() -> ResponseReturnValue:
    """What was taken back so far."""
    cursor = request.args.get("cursor") or None
    with services().database.read() as session:
        listed = undos.list_undos(session, visitors.workspace_id(), cursor=cursor)
        counted = undos.counts(session, [row.id for row in listed.items])
        choices = activity_choices.choices(session, visitors.workspace_id())
    rows = [(row, _counts(counted[row.id]), _meant(row, choices)) for row in listed.items]
    older = listed.next_cursor and url_for("bulk_undo.past", cursor=listed.next_cursor)
    return page("activity/undos.html", rows=rows, older=older)


@bulk_undo.page(ONE, title="bulk.one_title")
def one(undo_id: str) -> ResponseReturnValue:
    """How far it is, and what stays as it is."""
    return page("activity/undo_one.html", **_seen(undo_id))


@bulk_undo.part(f"{ONE}/state")
def state(undo_id: str) -> ResponseReturnValue:
    """The same as it is now."""
    return live("activity/undo_state.html", **_seen(undo_id))


def _seen(undo_id: str) -> dict[str, Any]:
    cursor = request.args.get("cursor") or None
    with services().database.read() as session:
        row = undos.get(session, visitors.workspace_id(), undo_id)
        counted = undos.counts(session, [row.id])[row.id]
        refusals, following = undos.list_refusals(session, row, cursor=cursor)
        stayed = undo_lists.deeds(session, [one["action_id"] for one in refusals])
        choices = activity_choices.choices(session, visitors.workspace_id())
    known = {one.action.id: one for one in stayed}
    return {
        "undo": row,
        "counts": _counts(counted),
        "meant": _meant(row, choices),
        "refusals": [(one, known[one["action_id"]]) for one in refusals],
        "cursor": cursor,
        "older": following and url_for("bulk_undo.one", undo_id=undo_id, cursor=following),
        "deeds": deeds,
    }


def _counts(counted: dict[str, int]) -> dict[str, int]:
    left = counted.get("waiting", 0) + counted.get("requested", 0)
    undone, refused = counted.get("undone", 0), counted.get("refused", 0)
    total = left + undone + refused
    return {"total": total, "left": left, "undone": undone, "refused": refused}


def _meant(row: Any, choices: activity_choices.Choices) -> str:
    """Say what was asked for, in a few words."""
    if row.prediction_id is not None:
        return t("bulk.meant_put_right")
    if row.filter is None:
        return t("bulk.meant_chosen")
    said = []
    if "rule_id" in row.filter:
        rule = choices.rule(row.filter["rule_id"])
        said.append(
            t("bulk.meant_rule", rule=t("activity.gone") if rule is None else rule_name(rule))
        )
    if "classifier_id" in row.filter:
        name = choices.classifiers.get(row.filter["classifier_id"], t("activity.gone"))
        said.append(t("bulk.meant_classifier", name=name))
    if "kind" in row.filter:
        said.append(t("bulk.meant_kind", kind=deeds.kind_name(row.filter["kind"])))
    for name in TIMES:
        if name in row.filter:
            at = activities.moment(row.filter[name])
            said.append(t(f"bulk.meant_{name}", time=f"{at:%Y-%m-%d %H:%M} UTC"))
    return ", ".join(said) or t("bulk.meant_all")
