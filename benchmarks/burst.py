"""A burst of 10,000 events: how fast they are taken, by how much memory, how soon all is done.

    python benchmarks/burst.py
    python benchmarks/burst.py --count 1000 --clients 16

A real `colabel up` gets pictures of 50 kB by its hook, as fast as it takes them; then it is waited
for until every picture is answered. (The model tells colours and takes no time: throughput.py
measures real ones.) Next to it, with the same pictures: a Flask route that does nothing with them,
and one that makes an RQ job of each, which a forking RQ worker then takes from Redis to do nothing,
--plain of them. Memory is each process's resident set at its largest, shared libraries included.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import common
import hook
import load
from redis import Redis
from rq import Queue, Worker
from sqlalchemy import func, select

from connector.db.tables import Prediction
from connector.embedded import EmbeddedRedis

sys.path.append(str(common.ROOT / "tests"))

from running import Service, prepare, running, until


class Memory:
    """The largest resident set of each process of a service, in MB, sampled."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._over = threading.Event()
        self.largest: dict[str, float] = defaultdict(float)

    def _sample(self) -> None:
        while not self._over.wait(0.25):
            for name, process in self._service.children().items():
                of = [process, *process.children(recursive=True)]
                resident = sum(one.memory_info().rss for one in of) / 1e6
                self.largest[name] = max(self.largest[name], resident)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Sample for the length of the block."""
        thread = threading.Thread(target=self._sample)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


def drained(service: Service, count: int, seconds: float) -> float:
    """Wait until every picture is answered; return how long that took."""
    started = time.monotonic()
    database = service.prepared.database()
    # Whatever the model makes of these pictures: a question to a person is an answer, too.
    answered = select(func.count()).where(Prediction.status.in_(("done", "needs_review")))

    def done() -> bool:
        with database.read() as session:
            return session.scalar(answered) == count

    try:
        until(done, seconds, f"{count} pictures are answered")
    finally:
        database.close()
    return time.monotonic() - started


def of_colabel(work: Path, jpeg: bytes, count: int, clients: int) -> tuple[load.Result, float]:
    """Send the burst to the service; print its memory; return the answers and the time after."""
    with running(prepare(work / "data")) as service:
        load.run(service.port, hook.posts(service.prepared.hook_path, jpeg, 0, 50), clients)
        drained(service, 50, 60)
        memory = Memory(service)
        with memory.watched():
            sent = hook.posts(service.prepared.hook_path, jpeg, 1000, count)
            result = load.run(service.port, sent, clients)
            seconds = drained(service, count + 50, 1800)
    if set(result.statuses) != {202}:
        raise SystemExit(f"Not all were accepted: {dict(result.statuses)}.")
    rows = [(name, round(size)) for name, size in sorted(memory.largest.items())]
    print(common.table(("process", "MB at most"), rows), end="\n\n")
    return result, seconds


def of_plain(
    work: Path, jpeg: bytes, count: int, plain: int, clients: int
) -> tuple[load.Result, load.Result, float]:
    """Return what an empty route and one with a job each make of it, and the worker's time."""
    (work / "plain" / "run").mkdir(parents=True)
    with EmbeddedRedis(work / "plain").running() as url:
        with hook.gunicorn("empty_app:app", work / "plain", url) as port:
            empty = load.run(port, hook.posts("/discard", jpeg, 0, count), clients)
            jobs = load.run(port, hook.posts("/enqueue", jpeg, 0, plain), clients)
        with Redis.from_url(url) as connection:
            queue = Queue("plain", connection=connection)
            if len(queue) != plain:
                raise SystemExit(f"{len(queue)} of {plain} jobs are in the queue.")
            started = time.monotonic()
            Worker([queue], connection=connection).work(burst=True, logging_level="WARNING")
            return empty, jobs, time.monotonic() - started


def main() -> None:
    """Run all three and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--plain", type=int, default=2_000, help="of these, for the plain jobs")
    parser.add_argument("--clients", type=int, default=32, help="concurrent connections")
    arguments = parser.parse_args()
    common.warn_if_busy()
    print(common.machine(), flush=True)
    jpeg, plain = hook.fifty_kilobytes(), min(arguments.plain, arguments.count)
    with tempfile.TemporaryDirectory(prefix="colabel-burst-") as work:
        ours, after = of_colabel(Path(work), jpeg, arguments.count, arguments.clients)
        empty, jobs, worked = of_plain(Path(work), jpeg, arguments.count, plain, arguments.clients)
    rows = [
        _row("empty Flask route", empty, empty, None),
        _row("a plain RQ job each", jobs, empty, plain / worked),
        _row("colabel", ours, empty, arguments.count / (ours.seconds + after)),
    ]
    header = ("", "events", "accepted/s", "of empty", "p50 ms", "p99 ms", "done/s")
    print(common.table(header, rows))
    print(f"\nAll {arguments.count:,} answered {after:.1f} s after the last was accepted.")


def _row(
    name: str, result: load.Result, empty: load.Result, done: float | None
) -> tuple[object, ...]:
    return (
        name,
        len(result.latencies),
        round(result.per_second),
        result.per_second / empty.per_second,
        round(result.percentile(50), 1),
        round(result.percentile(99), 1),
        "-" if done is None else round(done),
    )


if __name__ == "__main__":
    # For RQ's forked processes, which import the job by its name.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(common.ROOT), str(Path(__file__).parent)])
    main()
