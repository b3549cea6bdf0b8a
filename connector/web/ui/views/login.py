"""Logging in and out."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import logins
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, go_to, page

login = Pages("login", __name__)


@login.page("/login", title="login.title", role=None)
def show() -> ResponseReturnValue:
    """The form; whoever is logged in goes on to where they wanted to."""
    wanted = visitors.safe_path(request.args.get("next"))
    if visitors.visitor() is not None:
        return go_to(wanted)
    return page("people/login.html", form=Form.empty(next=wanted))


@login.action("/login", role=None)
def enter() -> ResponseReturnValue:
    """Begin a session, under a new token whatever the browser had before."""
    form = Form.sent("password")
    try:
        token = logins.log_in(
            services().database, form["email"], request.form.get("password", ""), visitors.place()
        )
    except ColabelError as error:
        form.refuse(error)
        answer = page("people/login.html", form=form, status=form.status)
        if error.retry_after is not None:
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    response = go_to(visitors.safe_path(form["next"]))
    visitors.remember(response, token)
    return response


@login.action("/logout", role=None)
def leave() -> ResponseReturnValue:
    """End this session for good, not only in this browser."""
    if (who := visitors.visitor()) is not None:
        with services().database.write() as session:
            logins.end_session(session, who.person_id, who.session_id)
    flashes.flash("login.left")
    response = go("login.show")
    visitors.forget(response)
    return response
