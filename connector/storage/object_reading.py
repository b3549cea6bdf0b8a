"""Objects in the buckets of others, which sources read: what is asked of a store.

boto3 is loaded when the first one is read, so that whoever has no such source never loads it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.inbound.s3_settings import S3Settings
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.storage.s3_reading import S3Objects

# What colabel writes on every object that it makes, so that it never takes it in again.
OWN_MARK = "colabel-action"


@dataclass(frozen=True)
class FetchedObject:
    """An object as it was when it was read; `etag` comes without quotes, `modified` in ISO 8601."""

    data: bytes
    version: str | None
    etag: str | None
    modified: str


@dataclass(frozen=True)
class ListedObject:
    """An object that a bucket names."""

    key: str
    size: int


class ObjectStores:
    """Reads from the stores that sources name, by what a process keeps for all of them."""

    def __init__(self, house: Settings) -> None:
        self._house = house
        self._opened: S3Objects | None = None
        self._lock = threading.Lock()

    def get(
        self, place: S3Settings, bucket: str, key: str, version: str | None = None
    ) -> FetchedObject:
        """Return an object, of that version or as it is now.

        Raises NotFound (object_gone), Conflict (own_object: it carries our mark), TooLarge,
        Unprocessable (object_archived), and Unavailable for whatever may still be put right.
        """
        return self._open().get(place, bucket, key, version)

    def list(
        self, place: S3Settings, bucket: str, prefix: str, after: str, limit: int
    ) -> Iterator[ListedObject]:
        """Yield up to `limit` objects behind the key `after`, by key. Raises Unavailable."""
        return self._open().list(place, bucket, prefix, after, limit)

    @contextmanager
    def queue(self, place: S3Settings) -> Iterator[Any]:
        """Give the client of the source's SQS queue. What goes wrong is raised as Unavailable."""
        with self._open().queue(place) as client:
            yield client

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def _open(self) -> S3Objects:
        opened = self._opened
        if opened is not None:
            return opened
        with self._lock:
            if self._opened is None:
                from connector.storage.s3_reading import S3Objects

                self._opened = S3Objects(self._house)
            return self._opened
