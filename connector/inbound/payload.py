"""JSON that came from outside: parsed strictly, so that whatever passes can also be kept."""

from __future__ import annotations

import json
from typing import Any

from connector.errors import BadRequest


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text (UTF-8, with or without byte order mark).

    Raises BadRequest (code invalid_json) for anything that is not JSON, including NaN and
    Infinity, and for text that no database keeps: the NUL character and half surrogate pairs.
    """
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadRequest(
            f"The body is not valid JSON{place}; send one JSON object in UTF-8.",
            code="invalid_json",
        ) from error
    if b"\\u" in body or b"\0" in body:
        _check_text(value)
    return value


def _check_text(value: Any) -> None:
    written = json.dumps(value, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError as error:
        raise _bad_text() from error
    # An escaped backslash followed by u0000 is harmless, so look once those are gone.
    if "\\u0000" in written.replace("\\\\", ""):
        raise _bad_text()


def _bad_text() -> BadRequest:
    return BadRequest(
        "A text in the JSON holds a NUL character or half of a surrogate pair, which cannot be "
        "kept; send plain Unicode text.",
        code="invalid_json",
    )
