"""What every blob store does."""

from __future__ import annotations

from typing import IO, BinaryIO, Protocol

from connector.errors import NotFound

# The code of errors that stay until somebody corrects a setting or a permission.
REFUSED = "storage_refused"


def missing(sha256: str) -> NotFound:
    """Return the error that every store raises for bytes that it has not."""
    return NotFound(f"The bytes {sha256[:12]}… are no longer kept.", code="blob_missing")


class Blobs(Protocol):
    """Immutable bytes, addressed by the SHA-256 (hex) of their content.

    Any method raises Unavailable where the store is on another machine and does not answer.
    """

    def put(self, data: bytes, sha256: str | None = None) -> str:
        """Keep `data`, durable before this returns; return its hash. Raises NoSpace.

        `sha256` is its hash where the caller knows it already.
        """
        ...

    def put_stream(self, stream: IO[bytes]) -> str:
        """Keep what is left of `stream`, as `put` does, with never more than a chunk in memory."""
        ...

    def read(self, sha256: str) -> bytes:
        """Return the bytes. Raises NotFound."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """Return an open binary stream that can seek and reads as it goes. Raises NotFound."""
        ...

    def size(self, sha256: str) -> int:
        """Return the number of bytes. Raises NotFound."""
        ...

    def exists(self, sha256: str) -> bool:
        """Say whether the bytes are kept."""
        ...

    def sweep(self, seconds: float) -> int:
        """Remove what killed writers left unfinished this long ago or longer; return how much.

        Raises Unavailable.
        """
        ...

    def delete(self, sha256: str) -> None:
        """Forget the bytes; fine when there are none."""
        ...
