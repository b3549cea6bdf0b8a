"""Certificates of Amazon SNS, fetched once a day, and subscriptions confirmed."""

from __future__ import annotations

import threading
import time
from urllib.parse import urlsplit

from connector.errors import ColabelError, FetchFailed, Forbidden, Unavailable
from connector.fetch import Fetched, get_bytes
from connector.settings import Settings

MOST_BYTES = 100_000
SECONDS = 8.0
KEPT_SECONDS = 24 * 3600.0
MOST_KEPT = 32
RETRY_AFTER = 20
_BEGINS = b"-----BEGIN CERTIFICATE-----"


class SnsAddresses:
    """Calls the addresses that verified messages name; one for a process."""

    def __init__(self, house: Settings) -> None:
        self._house = house
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def certificate(self, url: str) -> bytes:
        """Return the PEM at an address that was checked. Raises Unavailable, Forbidden."""
        kept = self._kept.get(url)
        if kept is not None and time.monotonic() < kept[0]:
            return kept[1]
        pem = self._get(url).data
        if pem.lstrip().startswith(_BEGINS):
            with self._lock:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[url] = (time.monotonic() + KEPT_SECONDS, pem)
        return pem

    def confirm(self, url: str) -> None:
        """Confirm the subscription of a message that was verified. Raises as `certificate`."""
        self._get(url)

    def _get(self, url: str) -> Fetched:
        try:
            fetched = get_bytes(url, settings=self._house, max_bytes=MOST_BYTES, deadline=SECONDS)
        except FetchFailed as error:
            raise _not_now(error) from error
        if urlsplit(fetched.url).netloc != urlsplit(url).netloc:
            raise Forbidden(
                "An address of Amazon SNS led elsewhere, so nothing was done about the message.",
                code="forged_message",
            )
        return fetched


def _not_now(error: ColabelError) -> Unavailable:
    # 503, because SNS sends again what is answered so, and gives up what is answered with 4xx.
    return Unavailable(
        f"Amazon SNS could not be asked about its message ({error.detail}) Send it again later.",
        code="sns_unreachable",
        retry_after=RETRY_AFTER,
    )
