"""Sorted pictures in folders and zips, and a worker's hand on the imports that wait."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture
from sqlalchemy import update

from connector.db import Database
from connector.db.tables import Classifier, Import
from connector.db.types import utcnow
from connector.domain import classifiers, imports
from connector.domain.import_loop import Report
from connector.settings import Settings
from connector.storage import LocalBlobs


def picture(seed: int) -> bytes:
    """Return a small picture; each seed gives another."""
    noise = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), np.uint8)
    stream = io.BytesIO()
    Picture.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()


def write(root: Path, files: dict[str, bytes]) -> Path:
    """Write files under these relative paths into a folder; return the folder."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip of files under these paths."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def large_zip(path: Path, *, pictures: int) -> Path:
    """Write a zip of so many pictures of a megabyte each, of two labels; return its path."""
    rng = np.random.default_rng(pictures)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number in range(pictures):
            stream = io.BytesIO()
            noise = rng.integers(0, 255, (600, 600, 3), np.uint8)
            Picture.fromarray(noise).save(stream, "BMP")
            archive.writestr(f"{('ant', 'bee')[number % 2]}/{number}.bmp", stream.getvalue())
    return path


def counts(database: Database, classifier: Classifier) -> dict[str, int]:
    """Return label -> how many examples it has."""
    with database.read() as session:
        return classifiers.example_counts(session, classifier)


class Zips:
    """Queues archives and works on them as the worker does."""

    def __init__(
        self, database: Database, blobs: LocalBlobs, settings: Settings, row: Classifier
    ) -> None:
        self.database, self.blobs, self.settings, self.row = database, blobs, settings, row

    def create(self, data: bytes, labels: str = "auto") -> str:
        where = self.database, self.blobs, self.row.workspace_id, self.row.id
        return imports.create_import(*where, io.BytesIO(data), labels).id

    def claim(self) -> imports.Claimed | None:
        with self.database.write() as session:
            return imports.claim(session, 60)

    def run(self, claimed: imports.Claimed | None) -> Report:
        assert claimed is not None
        return imports.run_zip(self.database, self.blobs, self.settings, claimed)

    def shown(self, import_id: str) -> dict[str, Any]:
        with self.database.read() as session:
            row = imports.get_import(session, self.row, import_id)
            return imports.resource(session, row, "https://c.example")

    def crash(self) -> None:
        """Let every lease run out, as when the worker was killed."""
        with self.database.write() as session:
            session.execute(update(Import).values(lease_until=utcnow()))
