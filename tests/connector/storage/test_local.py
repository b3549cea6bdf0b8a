"""What only a local disk has: files that are nobody else's, and an end of its room."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from connector.errors import NoSpace
from connector.storage import LocalBlobs


def files(blobs: LocalBlobs) -> list[Path]:
    return [path for path in blobs.root.rglob("*") if path.is_file()]


def test_the_same_stream_again_leaves_the_one_file(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    first = blobs.put_stream(io.BytesIO(b"bytes"))
    assert files(blobs) == [blobs.path(first)]
    assert blobs.path(first).stat().st_mode & 0o777 == 0o600
    inode = blobs.path(first).stat().st_ino
    assert blobs.put_stream(io.BytesIO(b"bytes")) == first
    assert files(blobs) == [blobs.path(first)]
    assert blobs.path(first).stat().st_ino == inode


def test_no_more_is_taken_when_space_is_short(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs", min_free_bytes=10**18)
    for put, what in ((blobs.put, b"x"), (blobs.put_stream, io.BytesIO(b"x"))):
        keep: Any = put
        with pytest.raises(NoSpace, match="COLABEL_MIN_FREE_BYTES"):
            keep(what)
    assert files(blobs) == []


def test_what_killed_writers_left_is_swept_once_it_is_old(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    sha256 = blobs.put(b"kept")
    left = [tmp_path / ".incoming.abc", tmp_path / sha256[:2] / f".{sha256}.xyz"]
    for path in left:
        path.write_bytes(b"half")
    assert blobs.sweep(3600) == 0
    os.utime(left[0], (0, 0))
    assert blobs.sweep(3600) == 1
    assert blobs.sweep(0) == 1
    assert [path.exists() for path in left] == [False, False]
    assert blobs.read(sha256) == b"kept"
