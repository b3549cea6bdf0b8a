"""Routes with their descriptions: whoever adds a route says here what it is, who may use it, and
how large its body may be. The OpenAPI document is made from this, and nothing else adds routes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, ParamSpec

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from connector.domain import audit_log
from connector.errors import BadRequest, NotFound
from connector.web.auth import Scope, actor, let_in
from connector.web.services import services

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]
Method = Literal["GET", "POST", "PATCH", "DELETE"]
BodyKind = Literal["none", "json", "picture", "archive", "labels", "notification", "form"]

# Of these forms only the text fields are held in memory.
LARGE: tuple[BodyKind, ...] = ("archive", "labels")

JSON_BYTES = 1_000_000
ARCHIVE_BYTES = 1_000_000_000
# Multipart boundaries, headers and fields around a picture.
ENVELOPE_BYTES = 100_000


@dataclass(frozen=True)
class Answer:
    """One way an operation answers: a JSON resource, or bytes of another kind."""

    description: str
    model: type[BaseModel] | None = None
    media_type: str = "application/json"
    # A second shape, where what was sent decides which of the two it is.
    other: type[BaseModel] | None = None
    # The same as JSON, where the query asks for that.
    as_json: type[BaseModel] | None = None

    @property
    def models(self) -> list[type[BaseModel]]:
        """The shapes that the body may have."""
        models = (self.model, self.other, self.as_json)
        return [model for model in models if model is not None]


@dataclass(frozen=True)
class Operation:
    """What the OpenAPI document says about one route and method."""

    endpoint: str
    method: Method
    rule: str
    tag: str
    summary: str
    description: str
    scope: Scope | None
    answers: Mapping[int, Answer]
    body: BodyKind = "none"
    model: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    idempotent_key: bool = False
    errors: tuple[int, ...] = field(default=())


class Api(Blueprint):
    """A blueprint whose every route is described."""

    def __init__(self, name: str, import_name: str, tag: str) -> None:
        super().__init__(name, import_name)
        self.tag = tag
        self.operations: list[Operation] = []

    def operation(
        self,
        method: Method,
        rule: str,
        summary: str,
        *,
        scope: Scope | None,
        answers: Mapping[int, Answer],
        body: BodyKind = "none",
        model: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        idempotent_key: bool = False,
        errors: tuple[int, ...] = (),
    ) -> Callable[[View[P]], View[P]]:
        """Register a view for `method` at `rule`; its docstring is the longer description.

        `scope` None means that anybody may come in. `body` says what kind of body it takes and
        so how large it may be, `model` and `query` what its JSON and its query parameters hold.
        """

        def register(view: View[P]) -> View[P]:
            operation = Operation(
                endpoint=f"{self.name}.{view.__name__}",
                method=method,
                rule=rule,
                tag=self.tag,
                summary=summary,
                description=" ".join((view.__doc__ or "").split()),
                scope=scope,
                answers=answers,
                body="json" if body == "none" and model else body,
                model=model,
                query=query,
                idempotent_key=idempotent_key,
                errors=errors,
            )
            self.operations.append(operation)
            guarded = _guarded(operation, view)
            super(Api, self).add_url_rule(rule, view.__name__, guarded, methods=[method])
            return view

        return register

    def add_url_rule(self, *_args: Any, **_options: Any) -> None:
        """Refuse: every route goes through `operation`, so that none is left undescribed."""
        raise TypeError("Use Api.operation, which asks for a description and a scope.")


def _guarded(operation: Operation, view: Callable[P, ResponseReturnValue]) -> Callable[..., Any]:
    @wraps(view)
    def endpoint(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        limit = body_limit(operation.body)
        request.max_content_length = limit
        request.max_form_memory_size = JSON_BYTES if operation.body in LARGE else limit
        request.max_form_parts = 200
        if operation.scope is not None:
            let_in(operation.scope)
        _refuse_nul(kwargs)
        with audit_log.acting(actor()):
            return view(*args, **kwargs)

    return endpoint


def body_limit(kind: BodyKind) -> int:
    """Return the most bytes that a body of this kind may have."""
    if kind in LARGE:
        return ARCHIVE_BYTES
    if kind == "picture":
        # Base64 in JSON takes a third more than the picture; the picture itself is checked later.
        return services().settings.max_upload_bytes * 4 // 3 + ENVELOPE_BYTES
    return JSON_BYTES


def _refuse_nul(values: Mapping[str, Any]) -> None:
    """No database keeps NUL in a text, so nothing can be found or stored under it."""
    if any("\0" in str(value) for value in values.values()):
        raise NotFound("There is nothing with this id; check it.")
    if "%00" in request.environ.get("QUERY_STRING", ""):
        raise BadRequest("A query parameter holds a NUL character; leave it out.")
