"""One attempt at a delivery: the body, its signatures, the post, and what came back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connector.errors import ColabelError
from connector.fetch import Response, post
from connector.settings import Settings
from connector.signing import ID_HEADER, signed_headers

DEADLINE_SECONDS = 10.0
# The spec asks for small messages: a larger one becomes thin, with links to the rest.
MAX_BODY_BYTES = 20_000
_SHORT = 500
_TOLD_WHEN = frozenset({429, 503})


@dataclass(frozen=True)
class Parcel:
    """All that sending one delivery takes."""

    id: str
    url: str
    event_id: str
    event_type: str
    created_at: datetime
    payload: dict[str, Any]
    # None for a callback address, which shares no secret; two while one is being replaced.
    secrets: tuple[str, ...]
    # Whether the receiver's last attempt failed.
    doubtful: bool = False
    workspace_id: str = ""

    @property
    def prediction_id(self) -> str | None:
        """Return the prediction that the event is about, None where it is about none."""
        inner = self.payload.get("prediction")
        for found in (
            self.payload.get("prediction_id"),
            inner.get("id") if isinstance(inner, dict) else None,
            self.payload.get("id"),
        ):
            if isinstance(found, str) and found.startswith("pred_"):
                return found
        return None


@dataclass(frozen=True)
class Outcome:
    """How one attempt went; `error` is None when the message was taken."""

    started_at: datetime
    duration_ms: int
    status: int | None = None
    error: str | None = None
    permanent: bool = False
    # Seconds that a 429 or 503 asks us to wait.
    retry_after: int | None = None


def send(settings: Settings, parcel: Parcel) -> Outcome:
    """Post a parcel once. Never raises for what the receiver does."""
    moment, began = datetime.now(UTC), time.monotonic()
    body = body_of(parcel)
    try:
        response = post(
            parcel.url,
            body,
            _headers(parcel, moment, body),
            settings=settings,
            deadline=DEADLINE_SECONDS,
        )
    except ColabelError as error:
        return Outcome(moment, _since(began), None, error.detail, error.permanent)
    error_text = None if response.ok else f"The receiver answered {response.status}."
    waits = retry_after(response, moment) if response.status in _TOLD_WHEN else None
    return Outcome(moment, _since(began), response.status, error_text, retry_after=waits)


def body_of(parcel: Parcel) -> bytes:
    """Return the message: the same bytes at every attempt, at most MAX_BODY_BYTES."""
    whole = _encoded(parcel, parcel.payload)
    if len(whole) <= MAX_BODY_BYTES:
        return whole
    return _encoded(parcel, {**thin(parcel.payload), "thin": True})


def thin(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what is short: ids, links, the answer; the resource itself is at its `url`."""
    return {
        name: value
        for name, value in payload.items()
        if value is None
        or isinstance(value, bool | int | float)
        or (isinstance(value, str) and len(value) <= _SHORT)
    }


def retry_after(response: Response, moment: datetime) -> int | None:
    """Return the seconds that a Retry-After header (a number or a date) asks for, if it does."""
    said = (response.headers.get("retry-after") or "").strip()
    if said.isascii() and said.isdigit():
        return int(said[:9])
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0, round((aware - moment).total_seconds()))


def _encoded(parcel: Parcel, data: Mapping[str, Any]) -> bytes:
    content = {
        "type": parcel.event_type,
        "timestamp": parcel.created_at.isoformat(timespec="milliseconds"),
        "data": data,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _headers(parcel: Parcel, moment: datetime, body: bytes) -> dict[str, str]:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "colabel"}
    if parcel.secrets:
        return {**headers, **signed_headers(parcel.secrets, parcel.event_id, moment, body)}
    # A prediction's own callback address shares no secret with us: the id is all there is.
    return {**headers, ID_HEADER: parcel.event_id}


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
