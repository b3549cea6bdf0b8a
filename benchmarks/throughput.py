"""How fast pictures are classified: one worker, next to the least that the same work can take.

    python benchmarks/throughput.py                       drawn photos, random weights
    python benchmarks/throughput.py --weights DIR --pictures FOLDER --count 500

In one run, each in a process of its own, with models loaded and warm before the clock starts:

(a) bare loop: read, decode in threads, ONNX Runtime; nothing else. As many pictures a batch and as
    many threads as the worker has. One half is measured before (b) and the other after it.
(b) worker: the classify worker's drain on as many accepted pictures: claims, leases, decoding,
    the backbone, the head, and results, embeddings and events in SQLite.
(c) forking: the same work as RQ's default worker does it, one job a picture in a forked process
    (which must make its own ONNX session), with a bundled Redis. Fewer pictures: it is slow.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import common
import models_for_speed

from connector.domain.predictions import Submission, submit

MEASURED_WORK = Path(__file__).with_name("measured_work.py")


def fill(prepared: common.Prepared, count: int, folder: Path | None) -> None:
    """Accept `count` pictures, as the webhook would, and note the hashes for the bare loop."""
    hashes = []
    for data in common.pictures(count, folder):
        submit(
            prepared.database,
            prepared.blobs,
            prepared.settings,
            source=prepared.source,
            submission=Submission(data),
        )
        hashes.append(prepared.blobs.put(data))
    (prepared.settings.data_dir / "hashes.json").write_text(json.dumps(hashes))


def measure(what: str, data_dir: Path, *options: str) -> dict[str, float]:
    """Run one measurement of measured_work.py in its own process; return what it says."""
    command = [sys.executable, str(MEASURED_WORK), what, *options]
    environment = {**os.environ, "COLABEL_DATA_DIR": str(data_dir)}
    done = subprocess.run(command, env=environment, cwd=common.ROOT, stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(f"The measurement “{what}” ended with exit code {done.returncode}.")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Prepare data folders, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="pictures for (a) and (b)")
    parser.add_argument("--forking-count", type=int, default=100, help="pictures for (c)")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures instead of drawn ones")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", type=Path, help="state_dict file, or a folder of them")
    parser.add_argument("--profile", action="store_true", help="print what the worker's time is")
    arguments = parser.parse_args()
    common.warn_if_busy()
    print(common.machine())
    with tempfile.TemporaryDirectory(prefix="colabel-throughput-") as work:
        root = Path(work)
        backbone = models_for_speed.make(root, arguments.backbone, arguments.weights)
        head = models_for_speed.head_for(backbone)
        large = common.prepare(root / "large", backbone, head)
        small = common.prepare(root / "small", backbone, head)
        fill(large, arguments.count, arguments.pictures)
        fill(small, min(arguments.count, arguments.forking_count), arguments.pictures)
        where = large.settings.data_dir
        before = measure("bare", where, "--half", "0")
        worker = measure("worker", where, *(["--profile"] if arguments.profile else []))
        after = measure("bare", where, "--half", "1")
        forking = measure("forking", small.settings.data_dir)
    bare = {key: before[key] + after[key] for key in before}
    base = bare["pictures"] / bare["seconds"]
    rows = []
    for name, result in (
        ("(a) bare loop", bare),
        ("(b) classify worker", worker),
        ("(c) RQ's forking worker", forking),
    ):
        speed = result["pictures"] / result["seconds"]
        rows.append((name, int(result["pictures"]), result["seconds"], speed, speed / base))
    print(f"{arguments.backbone}, batches of {large.settings.batch_size}\n")
    print(
        common.table(
            ("", "pictures", "seconds", "pictures/s", "of (a)"),
            rows,
        )
    )


if __name__ == "__main__":
    main()
