"""Blobs on a local disk: synced before they count as kept, and nothing left by what failed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connector.errors import NoSpace
from connector.storage import LocalBlobs

DATA = b"a picture" * 1000


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


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
