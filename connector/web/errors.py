"""Every error, ours and Flask's own, as an RFC 9457 problem document; on pages, as a page."""

from __future__ import annotations

import json
import logging
from typing import Any

from flask import Flask, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    RequestEntityTooLarge,
)

from connector.errors import ColabelError, Forbidden, TooLarge, Unauthorized
from connector.ids import new_id
from connector.web.counters import count_error
from connector.web.ui.errors import error_page, wants_page

logger = logging.getLogger(__name__)

PROBLEM = "application/problem+json"

# What Flask and Werkzeug raise by themselves: status -> (code, sentence with a way on).
_SENTENCES = {
    400: ("bad_request", "The request is not well-formed; check its headers and body."),
    404: (
        "no_such_address",
        "There is nothing at this address; GET /api/v1/openapi.json lists what there is.",
    ),
    405: (
        "method_not_allowed",
        "This address does not answer {method}; the Allow header says what it answers.",
    ),
    408: ("too_slow", "The request did not arrive in time; send it again."),
    413: ("too_many_bytes", "The request is larger than accepted here; send a smaller one."),
    415: ("unsupported_media", "This Content-Type is not accepted here; see docs/api.md."),
    431: ("headers_too_large", "The request's headers are too large; send fewer or shorter ones."),
}


def register_errors(app: Flask) -> None:
    """Make `app` answer every error with its sentence, never with a traceback."""
    app.register_error_handler(ColabelError, _ours)
    app.register_error_handler(HTTPException, _theirs)
    app.register_error_handler(Exception, _unexpected)


def problem_response(document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """Return the response for a problem document and count it; a page where one was asked for."""
    status = int(document["status"])
    count_error(status, str(document["code"]))
    if wants_page():
        return error_page(document, headers or {})
    body = json.dumps(document, ensure_ascii=False, default=str)
    response = Response(body, status=status, content_type=PROBLEM)
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def _ours(error: ColabelError) -> Response:
    if error.status >= 500:
        logger.warning("%s %s: %s", request.method, request.path, error.detail)
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthorized):
        known = "" if error.code == "missing_key" else ', error="invalid_token"'
        headers["WWW-Authenticate"] = f'Bearer realm="colabel"{known}'
    elif isinstance(error, Forbidden):
        headers["WWW-Authenticate"] = 'Bearer realm="colabel", error="insufficient_scope"'
    return problem_response(error.problem(), headers)


def _theirs(error: HTTPException) -> Response:
    if isinstance(error, RequestEntityTooLarge):
        return _ours(too_many_bytes(request.max_content_length))
    status = error.code or 500
    code, sentence = _SENTENCES.get(status, (f"http_{status}", error.description or error.name))
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(error.valid_methods)
    document = {
        "type": f"urn:colabel:problem:{code}",
        "title": error.name,
        "status": status,
        "detail": sentence.format(method=request.method),
        "code": code,
    }
    return problem_response(document, headers)


def too_many_bytes(limit: int | None) -> TooLarge:
    """Return the error for a body above `limit` bytes."""
    shown = f"{(limit or 0) / 1_000_000:g} MB"
    return TooLarge(
        f"The request is larger than the {shown} that are accepted here; send a smaller file, or "
        "raise COLABEL_MAX_UPLOAD_BYTES.",
        code="too_many_bytes",
    )


def _unexpected(error: Exception) -> Response:
    # The number ties what a person sees to the log line with the traceback.
    number = new_id("err")
    logger.error("%s %s failed (%s)", request.method, request.path, number, exc_info=error)
    failure = ColabelError(
        f"Something went wrong inside colabel; nothing was changed that was not confirmed. Try "
        f"again, and if it stays, look for {number} in the log.",
        error_id=number,
    )
    return problem_response(failure.problem())


def invalid_values(error: ValidationError) -> tuple[str, list[dict[str, str]]]:
    """Return one sentence for all that a pydantic model did not accept, and the list of it."""
    problems = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in item["loc"]) or "body"
        problems.append({"field": field, "reason": item["msg"].removeprefix("Value error, ")})
    shown = "; ".join(f"{problem['field']}: {problem['reason']}" for problem in problems[:3])
    return f"Some values cannot be used ({shown}); correct them and send it again.", problems
