"""Labelled pictures given as folders, held in memory as bytes for a training of hours."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.duplicates import THUMBNAIL, structure, thumbnail
from models.errors import ModelError, UnreadablePicture
from models.preprocess import load

log = logging.getLogger(__name__)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
# Sides that pictures are kept at: what is smaller than the larger one loses nothing at the smaller.
SIDES = (64, 128)
# Every so many pictures is kept from training, to look at what was learned.
HELD_OUT = 50
# Correlation of two thumbnails (see `models.duplicates`) from which on one is left out.
_SAME = 0.9
# Pictures in memory between being read and being put on a shelf.
_AT_ONCE = 1000

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shelf:
    """Pictures squashed to one side: uint8 [N, S, S, 3], with their labels' numbers [N]."""

    pictures: Bytes
    targets: Ints
    held_out: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Library:
    """All that is learned from. `left_out` counts pictures that look like ones to be kept out."""

    labels: tuple[str, ...]
    shelves: tuple[Shelf, ...]
    left_out: int
    unreadable: int

    def __len__(self) -> int:
        return sum(len(shelf.targets) for shelf in self.shelves)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of every picture and label, for the model card and for taking up a training."""
        digest = hashlib.sha256(json.dumps(self.labels).encode())
        for shelf in self.shelves:
            digest.update(shelf.pictures.data)
            digest.update(shelf.targets.data)
        return digest.hexdigest()


def listed(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """Label -> its pictures. Each folder holds one folder a label; the same name is one label.

    What lies deeper belongs to the label above it. Raises ModelError for a folder without labels.
    """
    found: dict[str, list[Path]] = {}
    for folder in folders:
        labels = sorted(entry for entry in _entries(folder) if entry.is_dir())
        if not labels:
            raise ModelError(
                f"{folder} holds no folders; give a folder with one folder of pictures a label.",
                code="no_labels",
            )
        for label in labels:
            paths = (p for p in label.rglob("*") if p.suffix.lower() in SUFFIXES)
            found.setdefault(label.name, []).extend(sorted(paths))
    if len(found) < 2:
        raise ModelError("A backbone needs pictures of at least two labels.", code="no_labels")
    return dict(sorted(found.items()))


def gather(folders: Sequence[Path], keep_out: Sequence[Path] = ()) -> Library:
    """Read the pictures of `folders`, without those that look like one under `keep_out`.

    Reading is the same on every machine: the library depends on the files alone. Raises ModelError.
    """
    by_label = listed(folders)
    forbidden = _structures(keep_out)
    jobs = [(path, n) for n, paths in enumerate(by_label.values()) for path in paths]
    kept: dict[int, list[tuple[Bytes, int]]] = {side: [] for side in SIDES}
    left_out = unreadable = 0
    for start in range(0, len(jobs), _AT_ONCE):
        some = jobs[start : start + _AT_ONCE]
        read = _read_all([path for path, _ in some])
        unreadable += sum(picture is None for picture in read)
        readable = [(p, n) for p, (_, n) in zip(read, some, strict=True) if p is not None]
        known = _resembling([picture for picture, _ in readable], forbidden)
        left_out += int(known.sum())
        for (picture, target), out in zip(readable, known, strict=True):
            if not out:
                kept[len(picture)].append((picture, target))
    shelves = tuple(_shelf(side, rows) for side, rows in kept.items() if rows)
    return Library(tuple(by_label), shelves, left_out, unreadable)


def _read_all(paths: Sequence[Path]) -> list[Bytes | None]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_read, paths))


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be listed: {error.strerror}.", code="no_labels"
        ) from error


def _read(path: Path) -> Bytes | None:
    try:
        data = path.read_bytes()
        with Image.open(path) as opened:
            side = SIDES[min(opened.size) >= SIDES[1]]
        return load(data, side)
    except (UnreadablePicture, OSError) as error:
        log.warning("%s is left out: %s", path, error)
        return None


def _structures(folders: Sequence[Path]) -> npt.NDArray[np.float32]:
    paths = sorted(p for f in folders for p in f.rglob("*") if p.suffix.lower() in SUFFIXES)
    pictures = [picture for picture in _read_all(paths) if picture is not None]
    if not pictures:
        return np.zeros((0, THUMBNAIL**2), np.float32)
    return structure(np.stack([one for p in pictures for one in (thumbnail(p), _middle(p))]))


def _middle(picture: Bytes) -> Bytes:
    """The thumbnail of the middle, for copies that were cut to a square."""
    edge = len(picture) // 8
    return thumbnail(picture[:, edge:-edge] if edge else picture)


def _resembling(
    pictures: Sequence[Bytes], forbidden: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]:
    """Which of the pictures look like a forbidden one [N]."""
    if not len(forbidden) or not pictures:
        return np.zeros(len(pictures), np.bool_)
    places = structure(np.stack([thumbnail(picture) for picture in pictures]))
    return np.asarray((places @ forbidden.T).max(axis=1) >= _SAME)


def _shelf(side: int, rows: list[tuple[Bytes, int]]) -> Shelf:
    pictures = np.empty((len(rows), side, side, 3), np.uint8)
    for place, (picture, _) in enumerate(rows):
        pictures[place] = picture
    targets = np.array([target for _, target in rows], np.int64)
    return Shelf(pictures, targets, np.arange(len(rows)) % HELD_OUT == HELD_OUT - 1)
