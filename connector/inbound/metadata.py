"""Metadata that comes with a picture: one small JSON object."""

from __future__ import annotations

import json
from typing import Any

from connector.errors import BadRequest
from connector.inbound.payload import parse_json

MAX_BYTES = 16_000


def check_metadata(value: object) -> dict[str, Any]:
    """Return metadata given as an object or as JSON text; nothing at all is an empty object.

    Raises ValueError with a sentence when it is no object or larger than 16 kB.
    """
    if isinstance(value, str):
        try:
            value = parse_json(value.encode("utf-8", "replace")) if value.strip() else {}
        except BadRequest as error:
            raise ValueError('metadata must be a JSON object like {"key": "value"}') from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError('metadata must be a JSON object like {"key": "value"}')
    size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise ValueError(f"metadata is {size} bytes long; at most {MAX_BYTES} are kept")
    return value
