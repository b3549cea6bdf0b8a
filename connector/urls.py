"""URLs that came from outside: parsed once, by the parser whose result is then connected to."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from connector.errors import FetchFailed, Unprocessable

MAX_URL_LENGTH = 8_192

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


def parse_target(url: str) -> Url:
    """Parse a URL that came from outside, without its fragment.

    Raises Unprocessable (code invalid_url) for what has no place in one: other schemes,
    credentials, control characters and backslashes, which parsers disagree about.
    """
    if len(url) > MAX_URL_LENGTH or _UNSAFE.search(url):
        raise _invalid_url("This is not a valid URL; use one like https://example.com/picture.jpg.")
    try:
        target = parse_url(url)
    except LocationParseError as error:
        raise _invalid_url("The host or port in this URL is not valid; check the URL.") from error
    if target.scheme not in _DEFAULT_PORTS:
        raise _invalid_url("Only http and https URLs can be used; start it with https://.")
    if not target.host:
        raise _invalid_url("This URL names no host; use one like https://example.com/picture.jpg.")
    if target.auth is not None:
        raise _invalid_url("A URL must not carry a user name or password; use one without.")
    return target._replace(fragment=None)


def bare_host(target: Url) -> str:
    """Return the host without the brackets of an IPv6 address."""
    return (target.host or "").strip("[]")


def port_of(target: Url) -> int:
    """Return the port, the scheme's own where none is given."""
    return target.port or _DEFAULT_PORTS[target.scheme or "http"]


def next_hop(target: Url, location: str) -> Url:
    """Return where a redirect leads; FetchFailed where it leaves https."""
    try:
        joined = urljoin(target.url, location)
    except ValueError as error:
        raise _invalid_url(
            "The address redirects to no valid URL; use that of the file itself."
        ) from error
    following = parse_target(joined)
    if target.scheme == "https" and following.scheme == "http":
        raise FetchFailed(
            "The address redirects from https to http, which is not followed; use a URL that "
            "stays secure.",
            permanent=True,
        )
    return following


def _invalid_url(sentence: str) -> Unprocessable:
    return Unprocessable(sentence, code="invalid_url")
