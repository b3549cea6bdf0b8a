"""POST /hooks/{token}: any tool hands a picture in, in whatever form it can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from connector.domain import accepting
from connector.domain.predictions import SourceRef, Submission
from connector.errors import ColabelError
from connector.web import intake
from connector.web.operations import Answer, Api
from connector.web.reading import (
    check_model,
    idempotency_key,
    read_payload,
)
from connector.web.schemas.predictions import HookQuery, Prediction, Submitted
from connector.web.services import services

hooks = Api("hooks", __name__, tag="Hooks")
_OURS = set(HookQuery.model_fields)


@hooks.operation(
    "POST",
    "/hooks/<token>",
    "Hand in a picture from any tool",
    scope=None,
    body="picture",
    query=HookQuery,
    idempotent_key=True,
    errors=(400, 404, 409, 422, 429, 503, 507),
    answers={
        202: Answer("Accepted: it is safe and will be answered", Prediction, other=Submitted),
        200: Answer("Answered while you waited, or accepted before", Prediction, other=Submitted),
    },
)
def take(token: str) -> ResponseReturnValue:
    """The picture may be a file of a multipart form, the raw body, or a URL, data: URI or base64
    text anywhere in JSON or in a form field. Several pictures in one call are answered as
    {"predictions": […]}. The token in the address is the key; keep it secret.
    """
    source = services().hooks.find(token)
    with noting(source) as call:
        return _take(source, call)


@dataclass
class Call:
    """What is known of a call so far."""

    pictures: int = 0


@contextmanager
def noting(source: SourceRef) -> Iterator[Call]:
    """Leave a trace of a call that is refused, where the source's owner can see it."""
    call = Call()
    try:
        yield call
    except ColabelError as error:
        # A database that is away takes no notes, and the sender would wait for it once more.
        if error.code != "database_unavailable":
            _note(source, call, error.code, error.detail, error.status)
        raise
    except RequestEntityTooLarge:
        _note(source, call, "too_many_bytes", "The request is larger than accepted here.")
        raise
    except Exception:
        _note(source, call, "internal_error", "Something went wrong inside; see the log.")
        raise


def _note(source: SourceRef, call: Call, code: str, detail: str, status: int = 0) -> None:
    refusals = services().refusals
    refusals.note(source.id, code, detail, pictures=call.pictures, status=status)


def _take(source: SourceRef, call: Call) -> ResponseReturnValue:
    if source.paused:
        raise accepting.paused()
    # Tools add parameters of their own to an address; only ours is looked at.
    query = check_model(HookQuery, {name: request.args[name] for name in _OURS & set(request.args)})
    payload = read_payload(source.image_field)
    call.pictures = len(payload.images)
    what = Submission(
        data=b"",
        idempotency_key=idempotency_key(payload.fields.get("idempotency_key")),
        external_id=payload.fields.get("external_id") or None,
    )
    accepted = intake.accept(source, payload.images, what, way="hook")
    ids = [one.id for one in accepted]
    decided = bool(query.wait) and intake.wait_until_decided(ids, query.wait)
    if query.wait:
        shown = intake.show(source.workspace_id, ids)
    else:
        shown = intake.show_accepted(source.workspace_id, accepted)
    body: dict[str, Any] = shown[0] if len(shown) == 1 else {"predictions": shown}
    replayed = not any(one.created for one in accepted)
    headers = {"Location": shown[0]["url"]}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return body, 200 if replayed or decided else 202, headers
