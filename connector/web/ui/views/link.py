"""One-time links: the first owner's account, an invitation, a new password.

To look at one changes nothing; what it is for is done when its form is sent.
"""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector import passwords
from connector.db.tables import OneTimeLink, Person, Workspace
from connector.domain import links, logins, people
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, page

link = Pages("link", __name__)
WHERE = {
    "weak_password": "password",
    "bad_email": "email",
    "email_taken": "email",
    "bad_name": "name",
}


@link.page("/link/<token>", title="link.title", role=None)
def show(token: str) -> ResponseReturnValue:
    """What the link is for, and the form that does it."""
    found, workspace = _look(token)
    return _page(token, found, workspace, Form.empty(email=found.email or ""))


@link.action("/link/<token>", role=None)
def use(token: str) -> ResponseReturnValue:
    """Make the account or keep the new password, and log in."""
    found, workspace = _look(token)
    form = Form.sent("password")
    password = request.form.get("password", "")
    try:
        if found.purpose == links.FIRST_OWNER:
            people.normal_email(form["email"])
        passwords.check_new(password, form["name"], found.email or form["email"])
        # Slow on purpose, so before a transaction begins.
        kept = passwords.hashed(password)
        with services().database.write() as session:
            person = _done(session, found, token, form, kept)
            begun = logins.begin_session(session, person, visitors.place())
    except ColabelError as error:
        form.refuse(error, WHERE)
        return _page(token, found, workspace, form)
    flashes.flash(f"link.done_{found.purpose}", name=person.name)
    response = go("home.show")
    visitors.remember(response, begun)
    return response


def _done(session: Session, found: OneTimeLink, token: str, form: Form, kept: str) -> Person:
    if found.purpose == links.RESET:
        return links.choose_password(session, token, kept)
    return links.accept(session, token, name=form["name"], email=form["email"], password_hash=kept)


def _look(token: str) -> tuple[OneTimeLink, str]:
    with services().database.read() as session:
        found = links.look(session, token)
        return found, session.get_one(Workspace, found.workspace_id).name


def _page(token: str, found: OneTimeLink, workspace: str, form: Form) -> ResponseReturnValue:
    return page(
        "people/link.html",
        status=form.status,
        form=form,
        link=found,
        workspace=workspace,
        token=token,
        shortest=passwords.MIN_LENGTH,
    )
