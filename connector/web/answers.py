"""Answers in other forms than a JSON resource: waiting for one, and bytes."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import quote

from flask import Response, request
from werkzeug.wsgi import wrap_file

from connector.db import Database
from connector.domain import retention
from connector.errors import Unavailable
from connector.storage import Blobs

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.2
# Asked again after this share of what was waited so far, so that much is lost at most.
LATE = 0.15
# A waiting request holds a thread; some must stay free, or nothing could come in meanwhile.
MAX_WAITING = 8

_WAITING = threading.BoundedSemaphore(MAX_WAITING)


def wait_for(reached: Callable[[], bool], seconds: float) -> bool:
    """Ask `reached` at growing intervals (20 to 200 ms) until it says yes or the time is over.

    When too many requests of this process wait already, it asks once and does not wait.
    """
    if seconds <= 0 or not _WAITING.acquire(blocking=False):
        return reached()
    try:
        return _poll(reached, time.monotonic() + seconds)
    finally:
        _WAITING.release()


def _poll(reached: Callable[[], bool], deadline: float) -> bool:
    began = time.monotonic()
    while not reached():
        moment = time.monotonic()
        if moment >= deadline:
            return False
        pause = min(max(FIRST_PAUSE, LATE * (moment - began)), LONGEST_PAUSE)
        time.sleep(min(pause, deadline - moment))
    return True


def delete_now(database: Database, blobs: Blobs) -> None:
    """Delete the bytes that were just marked; should that fail, the clock does it."""
    try:
        retention.finish(database, blobs)
    except Unavailable as error:
        logger.warning("deleted pictures' bytes go later: %s", error.detail)


def bytes_response(
    stream: BinaryIO, *, size: int, media_type: str, name: str, etag: str, inline: bool = False
) -> Response:
    """Return a stream as a response that no browser will run, whatever is in it."""
    response = Response(
        wrap_file(request.environ, stream), content_type=media_type, direct_passthrough=True
    )
    response.content_length = size
    response.set_etag(etag)
    response.headers["Content-Disposition"] = content_disposition(name, inline=inline)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def content_disposition(name: str, *, inline: bool) -> str:
    """Return the header for a file name of any script (RFC 6266)."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", name.encode("ascii", "replace").decode())
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
