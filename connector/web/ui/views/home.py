"""/: the classifiers of who is logged in; for everybody else, what is running and how to get in."""

from __future__ import annotations

from importlib.metadata import version

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import facts, overview
from connector.web.services import services
from connector.web.ui import running, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import page

home = Pages("home", __name__)


@home.page("/", title="home.title", role=None)
def show() -> ResponseReturnValue:
    """The list of classifiers, newest first."""
    if visitors.visitor() is None:
        parts, weights = running.look()
        return page("front/running.html", parts=parts, weights=weights, version=version("colabel"))
    with services().database.read() as session:
        workspace_id, cursor = visitors.workspace_id(), request.args.get("cursor")
        listed = overview.list_glances(session, workspace_id, cursor)
        notice = facts.weights_notice(session)
    return page("front/home.html", listed=listed, notice=notice)
