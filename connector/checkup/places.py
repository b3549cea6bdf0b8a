"""What there is to say about where bytes are kept: the folder, its disk, the storage."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from connector.checkup.finding import Finding
from connector.errors import ColabelError
from connector.settings import Settings
from connector.storage import open_blobs, open_bucket

LOW_FREE_BYTES = 2_000_000_000


def data_folder(settings: Settings) -> Finding:
    """Is it there, and may we write to it?"""
    path = settings.data_dir
    if not path.exists():
        return Finding("warn", "data folder", f"{path} does not exist yet; `colabel up` makes it.")
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return Finding(
            "fail", "data folder", f"{path} cannot be written to; choose another with --data."
        )
    return Finding("ok", "data folder", str(path))


def disk(settings: Settings) -> Finding:
    """Is there room for pictures and models, or for what is on its way to a bucket?"""
    found = room(settings)
    where, free = found.folder, found.free
    used = "pictures are kept" if settings.bucket is None else "uploads wait for their bucket"
    said = f"{free / 1e9:,.1f} GB free where {used}"
    if free < settings.min_free_bytes:
        return Finding(
            "fail", "disk", f"Only {said}: nothing new is taken; free some space on {where}."
        )
    if free < LOW_FREE_BYTES:
        return Finding("warn", "disk", f"Only {said}; free some space soon on {where}.")
    return Finding("ok", "disk", f"{said}.")


@dataclass(frozen=True)
class Room:
    """A folder here, and how many bytes its disk holds and has free."""

    folder: Path
    total: int
    free: int


def room(settings: Settings) -> Room:
    """Return the room where bytes go to, or would: what is kept, or waits for its bucket."""
    where = settings.blobs_dir if settings.bucket is None else settings.spool_dir
    while not where.exists():
        where = where.parent
    usage = shutil.disk_usage(where)
    return Room(where, usage.total, usage.free)


def storage(settings: Settings) -> Finding:
    """Can pictures be written where they are kept, read back and deleted?"""
    blobs = open_bucket(settings)
    if blobs is None:
        return _local_storage(settings)
    try:
        blobs.check()
    except ColabelError as error:
        return Finding("fail", "storage", error.detail)
    finally:
        blobs.close()
    return Finding("ok", "storage", f"{blobs.bucket}: objects can be written, read and deleted.")


def _local_storage(settings: Settings) -> Finding:
    blobs, probe = open_blobs(settings), os.urandom(32)
    try:
        sha256 = blobs.put(probe)
        back = blobs.read(sha256)
        blobs.delete(sha256)
    except (OSError, ColabelError) as error:
        return Finding(
            "fail",
            "storage",
            f"Nothing can be kept in {settings.blobs_dir} ({error}); give the user that runs "
            "colabel the right to write there, or correct COLABEL_STORAGE.",
        )
    if back != probe:
        return Finding(
            "fail", "storage", f"{settings.blobs_dir} gives back other bytes; check its disk."
        )
    return Finding("ok", "storage", f"{settings.blobs_dir}: can be written, read and deleted.")
