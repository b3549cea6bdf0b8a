"""A zip that is written while it is read: nothing of it is ever whole in memory or on disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from connector.domain.exchange_names import Paths
from connector.domain.exchange_rows import Picture
from connector.errors import NotFound
from connector.storage import Blobs

CHUNK_BYTES = 256_000
# Deflate without compression: pictures are compressed already, and of files that are stored and
# streamed some programs cannot tell the end.
STORED = 0
LEFT_OUT = "_left_out.txt"
_MOMENT = (1980, 1, 1, 0, 0, 0)


def stream(blobs: Blobs, pictures: Iterator[Picture]) -> Iterator[bytes]:
    """Yield the zip of these pictures in folders by label.

    One whose bytes the store has lost is named in LEFT_OUT and left out. Raises Unavailable in the
    middle of it: what came so far is then no zip, and says so to whoever opens it.
    """
    sink, paths, missing = _Sink(), Paths(), []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for picture in pictures:
            path = paths.path(picture)
            try:
                data = blobs.read(picture.sha256)
            except NotFound:
                missing.append(path)
                continue
            archive.writestr(_entry(path, picture), data, zipfile.ZIP_DEFLATED, STORED)
            if sink.size >= CHUNK_BYTES:
                yield sink.take()
        if missing:
            archive.writestr(LEFT_OUT, "\n".join(["No longer kept:", *missing, ""]))
    yield sink.take()


def _entry(path: str, picture: Picture) -> zipfile.ZipInfo:
    moment = picture.labelled_at
    # Only years that the format can write.
    when = _MOMENT if moment is None or not 1980 <= moment.year < 2108 else moment.timetuple()[:6]
    entry = zipfile.ZipInfo(path, (when[0], when[1], when[2], when[3], when[4], when[5]))
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return entry


class _Sink(io.RawIOBase):
    """Takes what the zip writes until somebody takes it away; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, data: object, /) -> int:
        """Keep it until it is taken."""
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        self.size += len(part)
        return len(part)

    def take(self) -> bytes:
        """Return what came since the last time."""
        whole, self._parts, self.size = b"".join(self._parts), [], 0
        return whole
