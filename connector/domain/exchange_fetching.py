"""Pictures of an import that lie at addresses: fetched, and servers that fail left alone."""

from __future__ import annotations

import threading
from collections import Counter
from urllib.parse import urlsplit

from connector import fetch
from connector.db import Database
from connector.domain.quotas import Quotas
from connector.errors import FetchFailed, Unprocessable
from connector.settings import Settings

# After so many failures in a row, a server is not asked for the rest.
PATIENCE = 5


class Fetcher:
    """Fetches pictures for one workspace, within what it may keep."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._settings, self._quotas = settings, Quotas(database, settings)
        self._hosts = Hosts()
        self.workspace_id = ""

    def get(self, url: str) -> bytes:
        """Return the picture at an address.

        Raises what `fetch.get_bytes` raises, TooMany, and Unprocessable (host_gave_up).
        """
        host = urlsplit(url).hostname or ""
        self._hosts.check(host)
        try:
            fetched = fetch.get_bytes(
                url, settings=self._settings, max_bytes=self._settings.max_upload_bytes
            )
        except FetchFailed:
            self._hosts.failed(host)
            raise
        self._hosts.answered(host)
        self._quotas.take_bytes(self.workspace_id, [fetched.data])
        return fetched.data


class Hosts:
    """Counts failures of servers, so that nobody waits for a dead one thousands of times."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._lock = threading.Lock()

    def check(self, host: str) -> None:
        """Raise Unprocessable (host_gave_up) for a server that failed too often in a row."""
        with self._lock:
            failures = self._failures[host]
        if failures >= PATIENCE:
            raise Unprocessable(
                f"{host} failed {PATIENCE} times in a row and was not asked any more; when it is "
                "back, import the same file again.",
                code="host_gave_up",
            )

    def failed(self, host: str) -> None:
        """Note that it did not give a picture."""
        with self._lock:
            self._failures[host] += 1

    def answered(self, host: str) -> None:
        """Note that it did."""
        with self._lock:
            self._failures[host] = 0
