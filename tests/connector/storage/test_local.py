"""Blobs on a local disk: whole or not there, and never whole in memory when streamed."""

from __future__ import annotations

import errno
import hashlib
import io
import tracemalloc
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from connector.errors import NoSpace, NotFound
from connector.storage import LocalBlobs, local

MEGABYTE = 1_000_000


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "blobs")


def files(blobs: LocalBlobs) -> list[Path]:
    return [path for path in blobs.root.rglob("*") if path.is_file()]


def noise(size: int) -> bytes:
    return np.random.default_rng(size).bytes(size)


@pytest.mark.parametrize("size", [0, 1, local.CHUNK, local.CHUNK + 1, 3 * local.CHUNK])
def test_a_stream_is_kept_as_its_bytes_would_be(blobs: LocalBlobs, size: int) -> None:
    data = noise(size)
    sha256 = blobs.put_stream(io.BytesIO(data))
    assert sha256 == hashlib.sha256(data).hexdigest() == blobs.put(data)
    assert blobs.read(sha256) == data
    assert blobs.size(sha256) == size
    assert files(blobs) == [blobs.path(sha256)]
    assert blobs.path(sha256).stat().st_mode & 0o777 == 0o600


def test_the_same_stream_again_leaves_one_file(blobs: LocalBlobs) -> None:
    first = blobs.put_stream(io.BytesIO(b"bytes"))
    inode = blobs.path(first).stat().st_ino
    assert blobs.put_stream(io.BytesIO(b"bytes")) == first
    assert files(blobs) == [blobs.path(first)]
    assert blobs.path(first).stat().st_ino == inode


def test_what_is_kept_can_be_read_from_anywhere_in_it(blobs: LocalBlobs) -> None:
    with blobs.open(blobs.put_stream(io.BytesIO(b"0123456789"))) as stream:
        stream.seek(-3, io.SEEK_END)
        assert stream.read() == b"789"


def test_a_large_stream_takes_little_memory(blobs: LocalBlobs, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as out:
        for number in range(40):
            out.write(noise(MEGABYTE + number))
    with large.open("rb") as stream:
        tracemalloc.start()
        try:
            sha256 = blobs.put_stream(stream)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert blobs.size(sha256) == large.stat().st_size > 40 * MEGABYTE
    assert peak < 4 * MEGABYTE


class Broken(io.BytesIO):
    """A stream that ends with an error after its first chunk."""

    def __init__(self, error: Exception) -> None:
        super().__init__(noise(2 * local.CHUNK))
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise self.error
        return super().read(size)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ConnectionError("gone"), ConnectionError),
        (OSError(errno.ENOSPC, "full"), NoSpace),
        (ValueError("closed"), ValueError),
    ],
)
def test_what_breaks_off_leaves_nothing(
    blobs: LocalBlobs, error: Exception, raised: type[Exception]
) -> None:
    stream: IO[bytes] = Broken(error)
    with pytest.raises(raised):
        blobs.put_stream(stream)
    assert files(blobs) == []


def test_no_more_is_taken_when_space_is_short(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs", min_free_bytes=10**18)
    for put, what in ((blobs.put, b"x"), (blobs.put_stream, io.BytesIO(b"x"))):
        keep: Any = put
        with pytest.raises(NoSpace, match="COLABEL_MIN_FREE_BYTES"):
            keep(what)
    assert files(blobs) == []


def test_what_is_not_there_is_said(blobs: LocalBlobs) -> None:
    for ask in (blobs.read, blobs.open, blobs.size):
        with pytest.raises(NotFound) as caught:
            ask("0" * 64)
        assert caught.value.code == "blob_missing"
    assert not blobs.exists("0" * 64)
    blobs.delete("0" * 64)
