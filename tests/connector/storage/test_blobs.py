"""What every store does: bytes kept once under their hash, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import io
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from buckets import Store

from connector.errors import NoSpace, NotFound
from connector.storage import local
from connector.storage.s3_upload import PART

DATA = b"a picture" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()
MEGABYTE = 1_000_000


def noise(size: int) -> bytes:
    return np.random.default_rng(size).bytes(size)


@pytest.mark.parametrize("known", [None, SHA256])
def test_bytes_are_kept_once_under_their_hash(store: Store, known: str | None) -> None:
    assert store.blobs.put(DATA, known) == store.blobs.put(DATA) == SHA256
    assert store.names() == [SHA256]
    assert (store.blobs.read(SHA256), store.blobs.size(SHA256)) == (DATA, len(DATA))
    assert store.again().exists(SHA256)
    store.blobs.delete(SHA256)
    with pytest.raises(NotFound):
        store.blobs.read(SHA256)
    assert store.names() == []


SIZES = [0, 1, local.CHUNK, local.CHUNK + 1, 3 * local.CHUNK, PART, PART + 1, 2 * PART + 5]


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_is_kept_as_its_bytes_would_be(store: Store, size: int) -> None:
    data = noise(size)
    sha256 = store.blobs.put_stream(io.BytesIO(data))
    assert store.names() == [sha256]
    assert sha256 == hashlib.sha256(data).hexdigest() == store.blobs.put(data)
    assert store.blobs.read(sha256) == data
    assert store.blobs.size(sha256) == size
    with store.blobs.open(sha256) as stream:
        assert stream.read() == data
    assert store.names() == [sha256]


def test_only_what_is_left_of_a_stream_is_kept(store: Store) -> None:
    stream = io.BytesIO(b"0123456789")
    stream.seek(7)
    assert store.blobs.read(store.blobs.put_stream(stream)) == b"789"


def test_what_is_kept_can_be_read_from_anywhere_in_it(store: Store) -> None:
    data = noise(3 * local.CHUNK + 7)
    with store.blobs.open(store.blobs.put_stream(io.BytesIO(data))) as stream:
        assert stream.seekable()
        for start, length in ((0, 10), (len(data) - 3, 9), (local.CHUNK - 5, 10), (2, 3)):
            assert stream.seek(start) == start
            assert stream.read(length) == data[start : start + length]
            assert stream.tell() == min(start + length, len(data))
        assert stream.seek(-3, io.SEEK_END) == len(data) - 3
        assert stream.seek(-2, io.SEEK_CUR) == len(data) - 5
        assert stream.read() == data[-5:]
        stream.seek(len(data) + 100)
        assert stream.read(1) == b""
        with pytest.raises((ValueError, OSError)):
            stream.seek(-1)


def test_a_zip_is_read_in_place(store: Store) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.bin", noise(300_000 + number))
    packed.seek(0)
    with (
        store.blobs.open(store.blobs.put_stream(packed)) as stream,
        zipfile.ZipFile(stream) as archive,
        ThreadPoolExecutor(4) as pool,
    ):
        members = pool.map(lambda number: archive.read(f"{number}.bin"), range(20))
        assert all(data == noise(300_000 + number) for number, data in enumerate(members))


def test_a_large_stream_takes_little_memory(store: Store, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as out:
        for number in range(40):
            out.write(noise(MEGABYTE + number))
    # The first call loads what the later ones need.
    store.blobs.exists(SHA256)
    with large.open("rb") as stream:
        tracemalloc.start()
        try:
            sha256 = store.blobs.put_stream(stream)
            with store.blobs.open(sha256) as kept:
                while kept.read(local.CHUNK):
                    pass
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert store.blobs.size(sha256) == large.stat().st_size > 40 * MEGABYTE
    # One part on its way, and one being read.
    assert peak < 2.5 * PART


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
    store: Store, error: Exception, raised: type[Exception]
) -> None:
    stream: IO[bytes] = Broken(error)
    with pytest.raises(raised):
        store.blobs.put_stream(stream)
    assert store.names() == []


def test_what_is_not_there_is_said(store: Store) -> None:
    for ask in (store.blobs.read, store.blobs.open, store.blobs.size):
        with pytest.raises(NotFound) as caught:
            ask("0" * 64)
        assert caught.value.code == "blob_missing"
    assert not store.blobs.exists("0" * 64)
    store.blobs.delete("0" * 64)


@pytest.mark.parametrize("size", [5000, PART + 1])
def test_many_may_put_the_same_bytes_at_once(store: Store, size: int) -> None:
    data = noise(size)

    def put(number: int) -> str:
        blobs = store.again() if number % 2 else store.blobs
        return blobs.put(data) if number % 3 else blobs.put_stream(io.BytesIO(data))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(put, range(8)))) == 1
    assert store.names() == [hashlib.sha256(data).hexdigest()]
    assert store.blobs.read(store.names()[0]) == data


def test_sweeping_leaves_what_is_kept(store: Store) -> None:
    store.blobs.put(DATA)
    store.blobs.put_stream(io.BytesIO(noise(MEGABYTE)))
    assert store.blobs.sweep(0) == 0
    assert store.blobs.read(SHA256) == DATA
