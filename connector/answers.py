"""What comes back from other servers: statuses, bodies under a cap, names and times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from http.client import responses as status_phrases
from urllib.parse import unquote

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from connector.errors import FetchFailed

CHUNK = 65_536

# Client errors that pass by themselves: timeout, too early, too many requests.
_PASSING_STATUSES = frozenset({408, 425, 429})
_READABLE_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Return the seconds that a Retry-After header (RFC 9110, 10.2.3) asks for, if there is one."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, round((moment - datetime.now(UTC)).total_seconds()))


def refuse_status(response: BaseHTTPResponse, host: str) -> None:
    """Raise FetchFailed unless the answer is 2xx; permanent where a repeat would not help."""
    status = response.status
    if 200 <= status < 300:
        return
    passing = status >= 500 or status in _PASSING_STATUSES
    advice = "try again later" if passing else "check that the URL leads to a file open to all"
    answer = f"{status} {status_phrases.get(status, '')}".strip()
    raise FetchFailed(
        f"{host} answered {answer}; {advice}.",
        permanent=not passing,
        retry_after=retry_after(response.headers) if passing else None,
        upstream_status=status,
    )


def read_capped(response: BaseHTTPResponse, max_bytes: int) -> bytes:
    """Read the whole body, decompressed, of at most `max_bytes`; else FetchFailed."""
    encodings = response.headers.get("content-encoding", "").lower()
    if not {part.strip() for part in encodings.split(",")} <= _READABLE_ENCODINGS:
        raise FetchFailed("The file came in a compression that cannot be read.", permanent=True)
    length = response.headers.get("content-length", "")
    if re.fullmatch(r"[0-9]+", length) and int(length[:20]) > max_bytes:
        raise _too_large(max_bytes)
    data = bytearray()
    while chunk := response.read(CHUNK, decode_content=True):
        data += chunk
        if len(data) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(data)


def read_beginning(response: BaseHTTPResponse, limit: int) -> bytes:
    """Read up to `limit` bytes of the body as sent, as far as they come."""
    data = bytearray()
    try:
        while len(data) < limit:
            chunk = response.read1(limit - len(data), decode_content=False)
            if not chunk:
                break
            data += chunk
    except (HTTPError, HTTPException, OSError):
        # The status has come, and it alone decides; the body only helps to read the log.
        return bytes(data)
    return bytes(data)


def media_type(response: BaseHTTPResponse) -> str | None:
    """Return the bare media type in lower case, without parameters."""
    value = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return value or None


def filename(response: BaseHTTPResponse, path: str) -> str | None:
    """The file's name without any folder, from the header (RFC 6266) or else from the path."""
    header = response.headers.get("content-disposition", "")
    # http.client reads headers as Latin-1, many servers write UTF-8.
    with suppress(UnicodeError):
        header = header.encode("latin-1").decode()
    message = Message()
    message["Content-Disposition"] = header
    named = message.get_filename() or unquote(path)
    last = re.split(r"[\\/]", named)[-1]
    clean = re.sub(r"[\x00-\x1f\x7f]", "", last).strip()
    return clean[:255] if clean not in ("", ".", "..") else None


def _too_large(max_bytes: int) -> FetchFailed:
    return FetchFailed(
        f"The file is larger than the {max_bytes:,} bytes allowed; use a smaller one.",
        code="fetch_too_large",
        permanent=True,
    )
