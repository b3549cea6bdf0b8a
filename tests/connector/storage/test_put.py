"""Blobs on a local disk: kept once under their hash, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from connector.errors import NoSpace, NotFound
from connector.storage import LocalBlobs

DATA = b"a picture" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("known", [None, SHA256])
def test_bytes_are_kept_once_under_their_hash(tmp_path: Path, known: str | None) -> None:
    blobs = LocalBlobs(tmp_path)
    assert blobs.put(DATA, known) == blobs.put(DATA) == SHA256
    assert files(tmp_path) == [blobs.path(SHA256)]
    assert (blobs.read(SHA256), blobs.size(SHA256)) == (DATA, len(DATA))
    assert LocalBlobs(tmp_path).exists(SHA256)
    blobs.delete(SHA256)
    with pytest.raises(NotFound):
        blobs.read(SHA256)


def test_bytes_and_name_are_synced_in_that_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, steps = LocalBlobs(tmp_path), []
    blobs.put(b"first, so that the folder of the second is there" + b"\0")
    real_sync, real_rename = os.fsync, os.rename

    def sync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append("folder" if target.is_dir() else "file")
        real_sync(descriptor)

    def rename(old: str, new: str) -> None:
        steps.append("name")
        real_rename(old, new)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", rename)
    blobs.put(DATA)
    assert steps[-3:] == ["file", "name", "folder"]
    steps.clear()
    # What somebody else has written counts as kept only once its name is safe too.
    blobs.put(DATA)
    assert steps == ["folder"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = LocalBlobs(tmp_path)

    def full(descriptor: int, data: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(NoSpace, match="full"):
        blobs.put(DATA)
    assert files(tmp_path) == []
