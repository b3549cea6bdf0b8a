"""Exports as responses that are sent while they are made, a few at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

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
    place = _Place()
    try:
        made = begin()
    except BaseException:
        place.leave()
        raise
    response = Response(place.until_the_end(made.chunks), content_type=made.media_type)
    # Also when whoever asked hangs up, before the first byte or in the middle.
    response.call_on_close(place.leave)
    response.headers["Content-Disposition"] = content_disposition(made.name, inline=False)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


class _Place:
    """One of the few places, to be left once."""

    def __init__(self) -> None:
        self._taken, self._lock = True, threading.Lock()

    def leave(self) -> None:
        """Make room for another export."""
        with self._lock:
            taken, self._taken = self._taken, False
        if taken:
            _FREE.release()

    def until_the_end(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the chunks, and leave after the last one."""
        try:
            yield from chunks
        finally:
            self.leave()
