"""The only outbound HTTP of the service: public addresses, a total deadline, a byte cap."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPHeaderDict
from urllib3.exceptions import (
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as HTTPTimeoutError
from urllib3.util import Url

from connector.addresses import AddressPolicy, resolve
from connector.answers import filename, media_type, read_beginning, read_capped, refuse_status
from connector.errors import FetchFailed, Unprocessable
from connector.guarded import open_pool, seconds_left
from connector.settings import Settings
from connector.urls import bare_host, next_hop, parse_target, port_of

MAX_REDIRECTS = 3
LOOK_UP_SECONDS = 3.0
USER_AGENT = "colabel"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
# These frame the message or name its receiver; setting them would let a rule smuggle requests.
_OUR_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
)


@dataclass(frozen=True)
class Fetched:
    """A downloaded body; `content_type` is the bare media type, `url` the one that answered."""

    data: bytes
    content_type: str | None
    url: str
    filename: str | None


@dataclass(frozen=True)
class Response:
    """An answer to a post: any status, and the beginning of the body. Header names ignore case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether the receiver has taken the message (2xx)."""
        return 200 <= self.status < 300


def check_url(url: str, *, settings: Settings) -> None:
    """Refuse a URL that could never be called, before it is saved.

    A name that cannot be resolved now passes: every call checks the address anew.
    Raises Unprocessable (code invalid_url) or ForbiddenAddress.
    """
    target = parse_target(url)
    policy = AddressPolicy.parse(settings.allow_private_addresses)
    try:
        resolve(bare_host(target), port_of(target), policy, timeout=LOOK_UP_SECONDS)
    except (OSError, ValueError):
        return


def get_bytes(url: str, *, settings: Settings, max_bytes: int, deadline: float = 20.0) -> Fetched:
    """Download `url`, following up to three redirects, in `deadline` seconds altogether.

    Raises Unprocessable (invalid_url), ForbiddenAddress, or FetchFailed with the code
    fetch_timeout, fetch_too_large (more than `max_bytes`, decompressed) or fetch_failed.
    """
    deadline_at = time.monotonic() + deadline
    policy = AddressPolicy.parse(settings.allow_private_addresses)
    target = parse_target(url)
    for _ in range(MAX_REDIRECTS + 1):
        with _exchange("GET", target, policy=policy, deadline_at=deadline_at) as response:
            location = response.headers.get("location")
            if response.status in _REDIRECTS and location:
                target = next_hop(target, location)
                continue
            refuse_status(response, bare_host(target))
            data = read_capped(response, max_bytes)
            return Fetched(
                data, media_type(response), target.url, filename(response, target.path or "")
            )
    raise FetchFailed(
        f"The address redirects more than {MAX_REDIRECTS} times; use the URL of the file itself.",
        permanent=True,
    )


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    settings: Settings,
    deadline: float = 10.0,
    max_response_bytes: int = 16_384,
) -> Response:
    """Post `body` to `url` and return the answer, whatever its status. Redirects are not followed.

    Of the answer's body at most `max_response_bytes` are kept, as far as they came in time:
    once there is a status, the message counts as delivered or refused.
    Raises Unprocessable (invalid_url, invalid_header), ForbiddenAddress or FetchFailed.
    """
    deadline_at = time.monotonic() + deadline
    target = parse_target(url)
    _check_headers(headers)
    policy = AddressPolicy.parse(settings.allow_private_addresses)
    with _exchange(
        "POST", target, policy=policy, deadline_at=deadline_at, headers=headers, body=body
    ) as response:
        return Response(
            response.status, read_beginning(response, max_response_bytes), response.headers
        )


def post_json(
    url: str,
    payload: Any,
    *,
    settings: Settings,
    headers: Mapping[str, str] | None = None,
    deadline: float = 10.0,
) -> Response:
    """Post `payload` as JSON. The same errors as `post`."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    wanted = HTTPHeaderDict({"Content-Type": "application/json"})
    wanted.update(headers or {})
    return post(url, body, wanted, settings=settings, deadline=deadline)


@contextmanager
def _exchange(
    method: str,
    target: Url,
    *,
    policy: AddressPolicy,
    deadline_at: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Iterator[BaseHTTPResponse]:
    host = bare_host(target)
    sent = HTTPHeaderDict({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    sent.update(headers or {})
    try:
        with open_pool(
            target.scheme or "http", host, port_of(target), policy=policy, deadline_at=deadline_at
        ) as pool:
            response = pool.urlopen(
                method,
                target.request_uri,
                body=body,
                headers=sent,
                redirect=False,
                retries=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
                timeout=seconds_left(deadline_at),
            )
            try:
                yield response
            finally:
                response.close()
    except (HTTPError, HTTPException, OSError) as error:
        raise _failure(error, host, late=time.monotonic() >= deadline_at) from error


def _failure(error: Exception, host: str, *, late: bool) -> FetchFailed:
    if isinstance(error, NameResolutionError):
        return FetchFailed(f"There is no host {host} at present; check the spelling of the URL.")
    if isinstance(error, SSLError):
        return FetchFailed(
            f"No secure connection to {host} could be made; check that its certificate is valid "
            "and made out for this name."
        )
    timed_out = isinstance(error, HTTPTimeoutError) and not isinstance(error, NewConnectionError)
    if late or timed_out or isinstance(error, TimeoutError):
        return FetchFailed(f"{host} did not answer in time; try again later.", code="fetch_timeout")
    return FetchFailed(
        f"The connection to {host} failed or broke off; check that the URL is right and the "
        "server is up."
    )


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise Unprocessable(
                f"The header {name!r} has a name or value that HTTP does not allow; use plain "
                "Latin text on one line.",
                code="invalid_header",
            )
        if name.lower() in _OUR_HEADERS:
            raise Unprocessable(
                f"The header {name!r} is set by colabel itself; leave it out.",
                code="invalid_header",
            )
