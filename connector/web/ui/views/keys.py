"""API keys: for tools, where people have accounts."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import accounts
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, page
from connector.web.ui.words import t

keys = Pages("keys", __name__)


@keys.page("/settings/keys", title="keys.title", role="owner")
def show() -> ResponseReturnValue:
    """The keys that let tools in."""
    return _page(Form.empty())


@keys.action("/settings/keys", role="owner")
def make() -> ResponseReturnValue:
    """Make a key and show its secret, this once."""
    form = Form.sent()
    try:
        with services().database.write() as session:
            _, secret = accounts.create_key(
                session, visitors.workspace_id(), form["name"], request.form.getlist("scope")
            )
    except ColabelError as error:
        form.refuse(error, {"bad_name": "name", "unknown_scope": "scope"})
        return _page(form)
    return _page(Form.empty(), secret)


@keys.action("/settings/keys/<key_id>/revoke", role="owner")
def revoke(key_id: str) -> ResponseReturnValue:
    """End a key at once."""
    with services().database.write() as session:
        accounts.revoke_key(session, visitors.workspace_id(), key_id)
    flashes.flash("keys.revoked")
    return go("keys.show")


def _names(scopes: list[str]) -> str:
    return t("scope.admin") if "admin" in scopes else ", ".join(t(f"scope.{one}") for one in scopes)


def _page(form: Form, secret: str | None = None) -> ResponseReturnValue:
    with services().database.read() as session:
        listed = accounts.list_keys(session, visitors.workspace_id())
    return page(
        "settings/keys.html",
        status=form.status,
        form=form,
        listed=listed,
        secret=secret,
        scopes=accounts.SCOPES,
        scope_names=_names,
        chosen=request.form.getlist("scope"),
    )
