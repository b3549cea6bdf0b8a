"""What is left of 2,000 pictures when everything is killed all the time: all of them.

    python benchmarks/chaos.py
    python benchmarks/chaos.py --count 500 --seconds 30

A real `colabel up` takes pictures by its hook, with idempotency keys, while `kill -9` hits its web
process, its workers, Redis or the clock about every second; then once more with Redis emptied every
few seconds as well. The sender tries again under the same key until it has a 202. Rules turn, move
and copy each picture. When all is accepted the faults end, and everything is counted: predictions,
actions, and the files, one by one with their content. The exit code is 1 when anything is missing,
doubled or wrong. (The model tells colours; a large one would only leave less room for faults.)
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import common

sys.path.append(str(common.ROOT / "tests"))

from running import prepare, running
from storm import Storm


@dataclass(frozen=True)
class Outcome:
    """One storm, and what was found when it was over."""

    storm: Storm
    raged: float
    settled: float
    found: dict[str, list[str]]


HEADER = (
    "",
    "accepted",
    "storm s",
    "after s",
    "retries",
    "kills",
    "flushes",
    "lost",
    "doubled",
    "wrong",
)


def weather(root: Path, arguments: argparse.Namespace, *, flush_every: float) -> Outcome:
    """Run one storm on a data folder of its own, and look at what came of it."""
    with running(prepare(root)) as service:
        storm = Storm(service, arguments.count, arguments.seconds)
        storm.make_rules()
        started = time.monotonic()
        storm.rage(kill_every=arguments.kill_every, flush_every=flush_every, seed=arguments.seed)
        raged = time.monotonic() - started
        settled = storm.settle(arguments.settle)
        return Outcome(storm, raged, settled, storm.findings())


def main() -> None:
    """Run both storms and print what was counted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="pictures a storm")
    parser.add_argument("--seconds", type=float, default=120, help="how long they take to be sent")
    parser.add_argument("--kill-every", type=float, default=1.0)
    parser.add_argument("--flush-every", type=float, default=5.0, help="in the second storm")
    parser.add_argument("--settle", type=float, default=1200, help="seconds to recover afterwards")
    parser.add_argument("--seed", type=int, default=1, help="decides who is killed when")
    arguments = parser.parse_args()
    print(common.machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="colabel-chaos-") as work:
        outcomes = {
            "killing": weather(Path(work) / "kills", arguments, flush_every=0.0),
            "killing, Redis emptied": weather(
                Path(work) / "flushes", arguments, flush_every=arguments.flush_every
            ),
        }
    print(common.table(HEADER, [_row(name, outcome) for name, outcome in outcomes.items()]))
    for name, outcome in outcomes.items():
        killed = outcome.storm.kills.most_common()
        print(f"{name}: {', '.join(f'{child} {count}' for child, count in killed)}")
        for kind, several in outcome.found.items():
            for one in several[:10]:
                print(f"{name}: {kind}: {one}")
    sys.exit(any(any(outcome.found.values()) for outcome in outcomes.values()))


def _row(name: str, outcome: Outcome) -> tuple[object, ...]:
    storm = outcome.storm
    return (
        name,
        len(storm.accepted),
        round(outcome.raged),
        round(outcome.settled),
        storm.retries,
        sum(storm.kills.values()),
        storm.flushes,
        *(len(outcome.found[kind]) for kind in ("lost", "doubled", "wrong")),
    )


if __name__ == "__main__":
    main()
