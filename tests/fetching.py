"""What the tests of fetching share: settings, and a download that may or must fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from loopback import Loopback

from connector.errors import FetchFailed
from connector.fetch import get_bytes
from connector.settings import Settings

STRICT = Settings()


LOOPBACK = Settings(allow_private_addresses=["127.0.0.1"])


Serve = Callable[..., Loopback]


def get(url: str, *, max_bytes: int = 1_000_000, deadline: float = 5.0) -> bytes:
    """Download from a server on this machine."""
    return get_bytes(url, settings=LOOPBACK, max_bytes=max_bytes, deadline=deadline).data


def get_failure(url: str, **options: Any) -> FetchFailed:
    """Download what cannot be had; return why."""
    with pytest.raises(FetchFailed) as caught:
        get(url, **options)
    return caught.value
