"""Exports as responses that are sent while they are made, a few at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from flask import Response

from connector.domain.exports import Export
from connector.errors import Unavailable
from connector.web.answers import content_disposition

# Each takes a thread of the process for as long as somebody downloads; pictures must come in.
MOST_AT_ONCE = 4
_FREE = threading.BoundedSemaphore(MOST_AT_ONCE)


def export_response(begin: Callable[[], Export]) -> Response:
    """Return an export as a download. Raises what `begin` raises, and Unavailable (busy)."""
    if not _FREE.acquire(blocking=False):
        raise Unavailable(
            f"{MOST_AT_ONCE} exports are being downloaded already; try again in a minute.",
            code="too_many_exports",
            retry_after=60,
        )
    try:
        made = begin()
    except BaseException:
        _FREE.release()
        raise
    response = Response(made.chunks, content_type=made.media_type)
    # Also when whoever asked hangs up, before the first byte or in the middle.
    response.call_on_close(_FREE.release)
    response.headers["Content-Disposition"] = content_disposition(made.name, inline=False)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
