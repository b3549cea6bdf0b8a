"""A workspace that sends without end, and its neighbour: how much longer does the neighbour wait?

    python benchmarks/neighbours.py
    python benchmarks/neighbours.py --count 60 --clients 4

One `colabel up` and two workspaces. The neighbour sends a picture every --interval seconds and
waits for its answer (?wait=): first alone, then while --clients connections of the other workspace
send as fast as they can, refusals (429) or not. Once with a limit to the pictures a minute
(COLABEL_MAX_RATE=1200), of which most are refused; and once with only a limit to those that wait
(COLABEL_MAX_WAITING=200), so that it gets all that the machine can do and is held back by taking
turns alone. The aim: at the 95th percentile less than twice the time of being alone. The exit code
is 1 beyond that, and when a picture of the neighbour is refused.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import common
import load

sys.path.append(str(common.ROOT / "tests"))

from colours import colour_classifier, picture
from running import Service, prepare, running

from connector.domain import accounts, classifiers
from connector.settings import load_settings
from connector.storage import open_blobs

# Two kinds of limits that the other one meets.
LIMITS = {
    "its rate": {"COLABEL_MAX_RATE": "1200", "COLABEL_MAX_BURST": "40"},
    "waiting": {"COLABEL_MAX_WAITING": "200"},
}


def second_workspace(service: Service) -> str:
    """Make another workspace with a classifier; return the path of its hook."""
    blobs = open_blobs(load_settings(data_dir=service.prepared.data_dir))
    with closing(service.prepared.database()) as database, database.write() as session:
        workspace = accounts.create_workspace(session, "neighbour")
        classifier = colour_classifier(session, blobs, workspace.id)
        return f"/hooks/{classifiers.source(session, classifier, 'hook').token}"


def answered(service: Service, path: str, first: int, count: int, interval: float) -> list[float]:
    """Send pictures one by one and wait for their answers; return the milliseconds of each."""
    took, begun = [], time.monotonic()
    pause = threading.Event()
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=120)) as connection:
        for number in range(count):
            pause.wait(max(0.0, begun + interval * number - time.monotonic()))
            data, started = picture("red", seed=first + number), time.monotonic()
            connection.request("POST", f"{path}?wait=60", data, {"Content-Type": "image/png"})
            answer = connection.getresponse()
            body = json.loads(answer.read())
            if answer.status != 200:
                raise SystemExit(f"The neighbour got {answer.status}: {body}")
            took.append(1000 * (time.monotonic() - started))
    return took


class Noise:
    """The other workspace: many connections, in a process of their own, that send until the end.

    In this process they would take turns with the neighbour at Python's lock, which is no fault of
    the service.
    """

    def __init__(self, service: Service, clients: int) -> None:
        target = [str(service.port), service.prepared.hook_path, str(clients)]
        self._command = [sys.executable, __file__, "--noise", *target]
        self.statuses: Counter[int] = Counter()

    def __enter__(self) -> Noise:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        told, _ = self._process.communicate()
        self.statuses.update({int(status): count for status, count in json.loads(told).items()})


def make_noise(port: int, path: str, clients: int) -> None:
    """Send from many connections until the standard input ends; print what came back."""
    over, statuses = threading.Event(), Counter[int]()

    def send(client: int) -> None:
        jpeg, number = common.photo(client), 0
        with closing(HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
            while not over.is_set():
                number += 1
                data = common.numbered(jpeg, 1_000_000 * client + number)
                connection.request("POST", path, data, {"Content-Type": "image/jpeg"})
                answer = connection.getresponse()
                answer.read()
                statuses[answer.status] += 1

    threads = [threading.Thread(target=send, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    print(json.dumps(statuses))


def main() -> None:
    """Run both and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200, help="pictures of the neighbour, twice")
    parser.add_argument("--interval", type=float, default=0.1, help="seconds between them")
    parser.add_argument("--clients", type=int, default=8, help="connections of the other")
    parser.add_argument("--noise", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.noise:
        port, path, clients = arguments.noise
        make_noise(int(port), path, int(clients))
        return
    common.warn_if_busy()
    print(common.machine(), flush=True)
    ratios = [measure(name, arguments) for name in LIMITS]
    sys.exit(max(ratios) >= 2)


def measure(name: str, arguments: argparse.Namespace) -> float:
    """Measure alone and beside one at that limit; print both, and return the ratio."""
    with tempfile.TemporaryDirectory(prefix="colabel-neighbours-") as work:
        prepared = prepare(Path(work) / "data")
        with running(prepared, environment=LIMITS[name]) as service:
            path, count = second_workspace(service), arguments.count
            answered(service, path, 0, 20, arguments.interval)
            alone = answered(service, path, 1000, count, arguments.interval)
            with Noise(service, arguments.clients) as noise:
                beside = answered(service, path, 100_000, count, arguments.interval)
    rows = [_row("alone", alone), _row("beside", beside)]
    print(f"\nThe other at its limit: {name}")
    print(common.table(("the neighbour", "pictures", "p50 ms", "p95 ms", "max ms"), rows))
    told = ", ".join(f"{status}: {number:,}" for status, number in sorted(noise.statuses.items()))
    ratio = _p95(beside) / _p95(alone)
    print(f"The other got {told}. Ratio at the 95th percentile: {ratio:.2f} (aim: below 2).")
    return ratio


def _p95(took: list[float]) -> float:
    return load.percentile(took, 95)


def _row(name: str, took: list[float]) -> tuple[object, ...]:
    return (name, len(took), load.percentile(took, 50), _p95(took), max(took))


if __name__ == "__main__":
    main()
