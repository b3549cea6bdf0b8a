"""How fast actions are carried out: one act worker's drain on pictures that are to be moved.

    python benchmarks/acting.py
    python benchmarks/acting.py --count 2000 --data /a/folder/on/the/disk/to/measure

Pictures of 50 kB are accepted and classified; then the clock starts, and the drain moves each into
the folder of its label: claimed, written, synced, verified, placed, journalled, recorded. The
result is checked: every picture in its folder, byte for byte.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

import common

sys.path.append(str(common.ROOT / "tests"))

from colours import backbone, head

from connector.db.tables import Classifier
from connector.domain import rules
from connector.domain.predictions import Submission, submit
from workers import act, classify
from workers import runtime as rt_module

MOVE = {"kind": "move", "params": {"folder": "{label}"}}


def fill(prepared: common.Prepared, count: int) -> set[str]:
    """Accept and classify `count` pictures that a rule wants to be moved; return their hashes."""
    jpeg, hashes = common.photo(7, (760, 570), 75), set()
    checked = rules.check_actions(prepared.settings, [MOVE])
    with prepared.database.write() as session:
        classifier = session.get_one(Classifier, prepared.source.classifier_id)
        rules.create_rule(session, classifier, label=None, actions=checked)
    for number in range(count):
        data = common.numbered(jpeg, number)
        hashes.add(hashlib.sha256(data).hexdigest())
        submit(
            prepared.database,
            prepared.blobs,
            prepared.settings,
            source=prepared.source,
            submission=Submission(data, f"{number:06d}.jpg"),
        )
    return hashes


def check(folder: Path, hashes: set[str]) -> None:
    """See that exactly these pictures lie in the folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    if found != hashes or len(files) != len(hashes):
        raise SystemExit(f"{len(files)} files lie in {folder} for {len(hashes)} pictures.")


def main() -> None:
    """Prepare, move, check, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--data", type=Path, help="where to make the data folder (its disk counts)")
    arguments = parser.parse_args()
    common.warn_if_busy()
    print(common.machine())
    with tempfile.TemporaryDirectory(prefix="colabel-acting-", dir=arguments.data) as work:
        prepared = common.prepare(Path(work) / "data", backbone(), head().to_bytes())
        hashes = fill(prepared, arguments.count)
        rt = rt_module.open_runtime(prepared.settings, with_redis=False)
        while classify.step(rt):
            pass
        started, used = time.perf_counter(), time.process_time()
        while rt_module.drain(rt, "act", act.step):
            pass
        seconds, used = time.perf_counter() - started, time.process_time() - used
        check(prepared.settings.sorted_dir, hashes)
    print(
        f"{arguments.count} moves in {seconds:.1f} s: {arguments.count / seconds:.0f} a second, "
        f"{1000 * used / arguments.count:.1f} ms of one core each"
    )


if __name__ == "__main__":
    main()
