"""One's own account: name, password, and where one is logged in."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from connector import passwords
from connector.domain import logins, people
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, page

account = Pages("account", __name__)


@account.page("/settings/account", title="account.title")
def show() -> ResponseReturnValue:
    """Name, password and sessions."""
    return _page(Form.empty(name=visitors.person().name))


@account.action("/settings/account/name", role="reviewer")
def rename() -> ResponseReturnValue:
    """Be called something else."""
    form, who = Form.sent(), visitors.person()
    try:
        with services().database.write() as session:
            row = people.get(session, who.workspace_id, who.person_id)
            people.rename(session, row, form["name"])
    except ColabelError as error:
        form.refuse(error, {"bad_name": "name"})
        return _page(form)
    flashes.flash("account.renamed")
    return go("account.show")


@account.action("/settings/account/password", role="reviewer")
def change_password() -> ResponseReturnValue:
    """Take another password; every other session ends."""
    who, form = visitors.person(), Form.empty(name=visitors.person().name)
    new = request.form.get("new", "")
    try:
        passwords.check_new(new, who.name, who.email)
        logins.confirm(services().database, who, request.form.get("old", ""), request.remote_addr)
        kept = passwords.hashed(new)
        with services().database.write() as session:
            row = people.get(session, who.workspace_id, who.person_id)
            people.set_password(session, row, kept, but=who.session_id)
    except ColabelError as error:
        form.refuse(error, {"weak_password": "new", "wrong_login": "old", "too_many_logins": "old"})
        return _page(form)
    flashes.flash("account.password_changed")
    return go("account.show")


@account.action("/settings/account/sessions/<session_id>/end", role="reviewer")
def end_session(session_id: str) -> ResponseReturnValue:
    """Log out somewhere else."""
    with services().database.write() as session:
        logins.end_session(session, visitors.person().person_id, session_id)
    flashes.flash("account.session_ended")
    return go("account.show")


@account.action("/settings/account/sessions/end", role="reviewer")
def end_others() -> ResponseReturnValue:
    """Log out everywhere else."""
    who = visitors.person()
    with services().database.write() as session:
        logins.end_sessions(session, who.person_id, but=who.session_id)
    flashes.flash("account.others_ended")
    return go("account.show")


def _page(form: Form) -> ResponseReturnValue:
    with services().database.read() as session:
        sessions = logins.list_sessions(session, visitors.person().person_id)
    return page("settings/account.html", status=form.status, form=form, sessions=sessions)
