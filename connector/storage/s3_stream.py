"""An object in a bucket as a file: it seeks freely, and only what is read is fetched."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from connector.errors import Damaged

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# How much is fetched at once: enough that the requests' latency does not count.
CHUNK = 1 << 20

Fetch = Callable[[int, int], bytes]


def check(digest: str, sha256: str) -> None:
    """Raise Damaged when what was read in full is not what its key says."""
    if digest != sha256:
        raise Damaged(
            f"The bytes kept as {sha256[:12]}… are not the ones that were put there; send the file "
            "again, or restore the object of that name from a backup."
        )


def open_object(fetch: Fetch, size: int, sha256: str) -> io.BufferedReader:
    """Return a stream of `size` bytes; `fetch` gives those from one position up to another.

    Raises Damaged when there should be bytes and are none.
    """
    if size == 0:
        check(hashlib.sha256().hexdigest(), sha256)
    return io.BufferedReader(_Object(fetch, size, sha256), CHUNK)


class _Object(io.RawIOBase):
    """Fetches each range that is asked for; read from start to end, the hash is checked, too."""

    def __init__(self, fetch: Fetch, size: int, sha256: str) -> None:
        self._fetch, self._size, self._sha256 = fetch, size, sha256
        self._position = self._hashed = 0
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can seek."""
        return True

    def tell(self) -> int:
        """Return where the next byte comes from."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go there; nothing is fetched."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a stream has nothing before its start")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer in one request, as far as there are bytes."""
        view = memoryview(buffer).cast("B")
        data = self._next(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Return the rest in one request."""
        return self._next(self._size)

    def _next(self, length: int) -> bytes:
        start, end = self._position, min(self._position + length, self._size)
        data = self._fetch(start, end) if start < end else b""
        self._position += len(data)
        if start == self._hashed and data:
            self._hash.update(data)
            self._hashed = self._position
            if self._hashed == self._size:
                check(self._hash.hexdigest(), self._sha256)
        return data
