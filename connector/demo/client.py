"""A client of the service's API, as anybody might write one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from connector.errors import ColabelError

Json = dict[str, Any]
TIMEOUT_SECONDS = 60
POLL_SECONDS = 0.3


class DemoFailed(ColabelError):
    """The demo cannot go on; the sentence says why."""

    default_code = "demo_failed"
    title = "The demo failed"


class Api:
    """Speaks HTTP to one service with one key. Every method raises DemoFailed."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._session = requests.Session()
        # This is about one machine: proxies and .netrc of the environment have no say.
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"
        # A web process that is being restarted refuses nothing, but may drop a connection.
        retries = Retry(connect=5, read=0, backoff_factor=0.2, allowed_methods=None)
        self._session.mount("http://", HTTPAdapter(max_retries=retries))

    def get(self, path: str, **query: str | int) -> Json:
        """Read a resource."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Json | None = None) -> Json:
        """Make or do something."""
        return self._call("POST", path, json={} if body is None else body)

    def upload(self, path: str, data: bytes, media_type: str) -> Json:
        """Send bytes."""
        return self._call("POST", path, data=data, headers={"Content-Type": media_type})

    def items(self, path: str, **query: str | int) -> Iterator[Json]:
        """Go through a list, page by page."""
        cursor: Json = {}
        while True:
            page = self.get(path, limit=100, **query, **cursor)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def send_to_hook(self, hook_url: str, name: str, data: bytes, key: str) -> Json:
        """Hand a picture in as any tool would: to the hook, without an API key."""
        return self._call(
            "POST",
            hook_url,
            files={"file": (name, data)},
            headers={"Idempotency-Key": key, "Authorization": None},
        )

    def _call(self, method: str, path: str, **how: Any) -> Json:
        url = path if path.startswith("http") else f"{self.url}/api/v1{path}"
        try:
            answer = self._session.request(method, url, timeout=TIMEOUT_SECONDS, **how)
        except requests.RequestException as error:
            raise DemoFailed(f"The service did not answer at {self.url} ({error}).") from error
        if not answer.ok:
            raise DemoFailed(f"{method} {path} answered {answer.status_code}: {_detail(answer)}")
        result: Json = answer.json()
        return result


def _detail(answer: requests.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def follow(look: Callable[[], tuple[bool, object]], patience: float, what: str) -> None:
    """Call `look` until it says that all is done.

    It returns (done, state); raises DemoFailed when the state stays the same for `patience`
    seconds. However long something takes, it may as long as it moves.
    """
    last: object = None
    moved = time.monotonic()
    while True:
        done, state = look()
        if done:
            return
        if state != last:
            last, moved = state, time.monotonic()
        if time.monotonic() - moved > patience:
            raise DemoFailed(f"{what} has not moved for {patience:.0f} seconds.")
        time.sleep(POLL_SECONDS)
