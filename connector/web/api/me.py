"""Who the caller is, and what the service says about itself."""

from __future__ import annotations

from flask import current_app
from flask.typing import ResponseReturnValue

from connector.web.api.common import PREFIX
from connector.web.auth import principal
from connector.web.operations import Answer, Api
from connector.web.schemas.classifiers import Me

me = Api("me", __name__, tag="Account")


@me.operation(
    "GET",
    f"{PREFIX}/me",
    "Say whose key this is",
    scope="read",
    answers={200: Answer("The key and its workspace", Me)},
)
def show() -> ResponseReturnValue:
    """A quick way to check a key."""
    who = principal()
    return {
        "workspace_id": who.workspace_id,
        "workspace_name": who.workspace_name,
        "key_id": who.key_id,
        "key_name": who.key_name,
        "scopes": sorted(who.scopes),
    }


@me.operation(
    "GET",
    f"{PREFIX}/openapi.json",
    "This description",
    scope=None,
    answers={200: Answer("The OpenAPI 3.1 document")},
)
def openapi() -> ResponseReturnValue:
    """Needs no key; nothing in it is secret."""
    document: dict[str, object] = current_app.extensions["colabel.openapi"]()
    return document
