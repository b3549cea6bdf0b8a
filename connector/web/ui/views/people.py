"""The people of the workspace: invited, given roles, shut out."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import links
from connector.domain import people as domain
from connector.errors import ColabelError, Conflict
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, page

people = Pages("people", __name__)
ONE = "/settings/people/<person_id>"


@people.page("/settings/people", title="people.title", role="owner")
def show() -> ResponseReturnValue:
    """Everybody, and who was invited."""
    return _page(Form.empty(role=domain.MEMBER))


@people.action("/settings/people/invite", role="owner")
def invite() -> ResponseReturnValue:
    """Make an invitation and show its link, this once."""
    form = Form.sent()
    try:
        with services().database.write() as session:
            made = links.invite(session, visitors.workspace_id(), form["email"], form["role"])
    except ColabelError as error:
        form.refuse(error, {"bad_email": "email", "email_taken": "email", "unknown_role": "role"})
        return _page(form)
    return _page(Form.empty(role=form["role"]), made)


@people.action("/settings/people/invitations/<link_id>/withdraw", role="owner")
def withdraw(link_id: str) -> ResponseReturnValue:
    """Take an invitation back."""
    with services().database.write() as session:
        links.withdraw(session, visitors.workspace_id(), link_id)
    flashes.flash("people.withdrawn")
    return go("people.show")


@people.action(f"{ONE}/role", role="owner")
def change_role(person_id: str) -> ResponseReturnValue:
    """Let somebody do more or less."""
    return _change(person_id, "role")


@people.action(f"{ONE}/disable", role="owner")
def disable(person_id: str) -> ResponseReturnValue:
    """Shut somebody out at once."""
    return _change(person_id, "disable")


@people.action(f"{ONE}/enable", role="owner")
def enable(person_id: str) -> ResponseReturnValue:
    """Let somebody in again."""
    return _change(person_id, "enable")


@people.action(f"{ONE}/reset", role="owner")
def reset(person_id: str) -> ResponseReturnValue:
    """Make a link for a new password and show it, this once."""
    with services().database.write() as session:
        row = domain.get(session, visitors.workspace_id(), person_id)
        made = links.reset(session, row)
    return _page(Form.empty(role=domain.MEMBER), made)


def _change(person_id: str, what: str) -> ResponseReturnValue:
    with services().database.write() as session:
        row = domain.get(session, visitors.workspace_id(), person_id)
        try:
            if what == "role":
                domain.change_role(session, row, request.form.get("role", ""))
            elif what == "disable":
                domain.disable(session, row)
            else:
                domain.enable(session, row)
        except Conflict as error:
            flashes.say(error.detail, "bad")
        else:
            flashes.flash(f"people.done_{what}", name=row.name)
    return go("people.show")


def _page(form: Form, made: links.Made | None = None) -> ResponseReturnValue:
    with services().database.read() as session:
        everybody = domain.list_people(session, visitors.workspace_id())
        invited = links.list_invitations(session, visitors.workspace_id())
    return page(
        "settings/people.html",
        status=form.status,
        form=form,
        everybody=everybody,
        invited=invited,
        made=made,
        roles=domain.ROLES[::-1],
    )
