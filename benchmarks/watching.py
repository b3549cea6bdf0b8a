"""What it costs to watch a large folder: looks at many files when nothing happens, and one arrives.

    python benchmarks/watching.py
    python benchmarks/watching.py --files 50000 --per-folder 500 --data /a/folder/on/the/disk

The files lie there before; the first look notes them all. Then: a whole look (every file's size
and time), a look at what changed (every folder's time), and one at a folder into which a file came.
Seconds of wall and of processor time, memory of the process, and the database's size.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import common

sys.path.append(str(common.ROOT / "tests"))

from colours import backbone, head
from watching import Inbox, watchable

from connector.db.tables import Classifier
from workers.runtime import Runtime


def fill(folder: Path, files: int, per_folder: int) -> None:
    """Make so many small files with names of pictures, in folders of so many."""
    for number in range(files):
        inside = folder / f"{number // per_folder:05d}"
        if number % per_folder == 0:
            inside.mkdir(parents=True)
        (inside / f"{number:06d}.jpg").write_bytes(b"\xff\xd8\xff")
    # As when nothing has come for a while.
    long_ago = time.time() - 3600
    for inside in (folder, *folder.iterdir()):
        os.utime(inside, (long_ago, long_ago))


def measure(what: str, inbox: Inbox, *, whole: bool) -> None:
    """Look once, and print what that took."""
    watcher = inbox.watcher
    watcher._whole_at = 0.0 if whole else time.monotonic() + 3600
    wall, cpu = time.perf_counter(), time.process_time()
    watcher.look()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:42} {wall:8.3f} s  {cpu:8.3f} s of a core  {memory:6.0f} MB", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--per-folder", type=int, default=500)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.data) as where:
        folder = Path(where) / "in"
        fill(folder, arguments.files, arguments.per_folder)
        prepared = common.prepare(Path(where) / "data", backbone(), head().to_bytes())
        rt = Runtime(prepared.settings, prepared.database, prepared.blobs)
        watchable(rt, folder, lease_seconds=60.0)
        with rt.database.read() as session:
            classifier = session.get_one(Classifier, prepared.source.classifier_id)
        inbox = Inbox.make(rt, classifier, folder)
        measure(f"first look at {arguments.files:,} files", inbox, whole=True)
        measure("whole look, nothing new", inbox, whole=True)
        measure("look at what changed, nothing new", inbox, whole=False)
        (folder / "00000" / "new.jpg").write_bytes(b"\xff\xd8\xff")
        measure("look at what changed, one file came", inbox, whole=False)
        inbox.restart()
        measure("first look after a restart", inbox, whole=True)
        prepared.database.close()


if __name__ == "__main__":
    main()
