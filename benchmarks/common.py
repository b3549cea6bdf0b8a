"""What the benchmarks share: pictures, a data folder with a model in it, the machine, a table."""

from __future__ import annotations

import io
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from connector.db import Database  # noqa: E402
from connector.db.migrate import upgrade  # noqa: E402
from connector.db.tables import ModelVersion  # noqa: E402
from connector.domain import accounts, classifiers  # noqa: E402
from connector.domain.predictions import SourceRef  # noqa: E402
from connector.settings import Settings, load_settings  # noqa: E402
from connector.storage import LocalBlobs  # noqa: E402

LABELS = ("blue", "green", "red")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
DRAWN = 48


def photo(seed: int, size: tuple[int, int] = (1024, 768), quality: int = 82) -> bytes:
    """Return a JPEG that costs about as much to decode as a photo: gradients, edges, grain."""
    width, height = size
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    shapes = random.integers(0, 256, (24, 32, 3)).astype(np.uint8)
    ground = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), np.float32)
    edges = np.asarray(Image.fromarray(shapes).resize(size, Image.Resampling.NEAREST), np.float32)
    grain = random.normal(0, 6, (height, width, 1)).astype(np.float32)
    pixels = np.clip(0.75 * ground + 0.25 * edges + grain, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    softened = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.7))
    softened.save(out, "JPEG", quality=quality)
    return out.getvalue()


def numbered(jpeg: bytes, number: int) -> bytes:
    """Return the same picture with another content hash: a comment is put behind the header."""
    text = f"benchmark {number:09d}".encode()
    comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
    return jpeg[:2] + comment + jpeg[2:]


def pictures(count: int, folder: Path | None = None) -> Iterator[bytes]:
    """Yield `count` pictures of different content: those of a folder first, else drawn ones."""
    if folder is not None:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        if len(paths) < count:
            raise SystemExit(f"{folder} holds {len(paths)} pictures; ask for fewer with --count.")
        yield from (path.read_bytes() for path in paths[:count])
        return
    drawn = [photo(seed) for seed in range(min(DRAWN, count))]
    for number in range(count):
        yield numbered(drawn[number % len(drawn)], number)


@dataclass(frozen=True)
class Prepared:
    """A data folder with one classifier whose model is live."""

    settings: Settings
    database: Database
    blobs: LocalBlobs
    source: SourceRef
    hook_token: str
    key: str


def prepare(data_dir: Path, backbone: bytes, head: bytes, *, threshold: float = 0.0) -> Prepared:
    """Make a data folder in which `backbone` and `head` answer for the labels LABELS."""
    (data_dir / "run").mkdir(parents=True)
    settings = load_settings(data_dir=data_dir)
    database, blobs = Database(settings.database), LocalBlobs(settings.blobs_dir)
    upgrade(database)
    with database.write() as session:
        key = accounts.ensure_first_workspace(session)
        principal = accounts.authenticate(session, str(key))
        classifier = classifiers.create_classifier(
            session, principal.workspace_id, name="benchmark", labels=list(LABELS)
        )
        hook = classifiers.source(session, classifier, "hook")
        session.add(
            ModelVersion(
                classifier_id=classifier.id,
                number=1,
                labels=list(LABELS),
                thresholds=dict.fromkeys(LABELS, threshold),
                card={},
                metrics={},
                backbone_sha256=blobs.put(backbone),
                head_sha256=blobs.put(head),
                portable_sha256=blobs.put(backbone),
            )
        )
        classifier.live_version = 1
        source = SourceRef(hook.id, hook.workspace_id, hook.classifier_id)
        token = hook.token
    return Prepared(settings, database, blobs, source, token, str(key))


def machine() -> str:
    """Say what this ran on, and how busy that was before."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{cores} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load before {os.getloadavg()[0]:.1f}"
    )


def warn_if_busy() -> None:
    """Say so when others compute on this machine: the numbers would not mean much."""
    busy = os.getloadavg()[0]
    if busy > 0.5 * len(os.sched_getaffinity(0)):
        print(f"Careful: the load is {busy:.1f} already; repeat this when the machine is idle.\n")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return the rows in columns, numbers to the right."""
    cells = [list(header), *[[_shown(value) for value in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "  ".join(
            value.ljust(width) if column == 0 else value.rjust(width)
            for column, (value, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
