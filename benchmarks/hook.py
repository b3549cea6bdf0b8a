"""What an accepted picture costs the web process: the hook next to an empty Flask route.

    python benchmarks/hook.py
    python benchmarks/hook.py --count 5000 --clients 32

Both run under gunicorn with the service's own configuration, one after the other and again, and get
requests over keep-alive connections. Every picture is another one (50 kB), and its 202 means: bytes
synced to disk, row committed (SQLite in WAL mode, synchronous=FULL), bell rung in Redis. The ratio
is of the hook's requests/s to those of an empty route that is sent the same pictures; for
comparison, the same route with nothing sent to it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import common
import load

sys.path.append(str(common.ROOT / "tests"))

from colours import backbone, head
from sqlalchemy import func, select

from connector.db.tables import Prediction
from connector.embedded import EmbeddedRedis
from connector.listening import listen

PICTURE_BYTES = 50_000
START_SECONDS = 30.0


def fifty_kilobytes() -> bytes:
    """Return a photo-like JPEG of about PICTURE_BYTES."""
    candidates = [common.photo(7, (760, 570), quality) for quality in range(60, 96, 2)]
    return min(candidates, key=lambda data: abs(len(data) - PICTURE_BYTES))


@contextmanager
def gunicorn(application: str, data_dir: Path, redis_url: str, *more: str) -> Iterator[int]:
    """Run a web application as the service does, with `more` options; yield its port."""
    with listen("127.0.0.1", 0) as free:
        port = free.port
    environment = {
        **os.environ,
        "COLABEL_DATA_DIR": str(data_dir),
        "REDIS_URL": redis_url,
        "PYTHONPATH": os.pathsep.join([str(common.ROOT), str(Path(__file__).parent)]),
    }
    config = ["--config", "python:connector.web.gunicorn_conf", "--log-level", "warning"]
    command = [sys.executable, "-m", "gunicorn", *config, "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*command, *more, application], env=environment)
    try:
        _wait(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)


def _wait(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        finally:
            connection.close()


def gets(count: int) -> Iterator[load.Request]:
    """Yield requests for the empty route."""
    request = (b"GET /empty HTTP/1.1\r\nHost: localhost\r\n\r\n",)
    for _ in range(count):
        yield request


def posts(path: str, jpeg: bytes, first: int, count: int) -> Iterator[load.Request]:
    """Yield `count` requests with a picture each, all of different content."""
    length = len(common.numbered(jpeg, 0))
    start = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()
    rest = memoryview(jpeg)[2:]
    for number in range(first, first + count):
        yield start, common.numbered(jpeg[:2], number), rest


def main() -> None:
    """Start both servers in turn, load them, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="pictures for the hook")
    parser.add_argument("--clients", type=int, default=16, help="concurrent connections")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--data", type=Path, help="where to make the data folder (its disk counts)")
    arguments = parser.parse_args()
    common.warn_if_busy()
    print(common.machine())
    jpeg, share = fifty_kilobytes(), arguments.count // arguments.rounds
    results: dict[str, list[load.Result]] = {"empty": [], "discard": [], "hook": []}
    with tempfile.TemporaryDirectory(prefix="colabel-hook-", dir=arguments.data) as work:
        prepared = common.prepare(Path(work) / "data", backbone(), head().to_bytes())
        data_dir, hook = prepared.settings.data_dir, f"/hooks/{prepared.hook_token}"
        with EmbeddedRedis(data_dir).running() as redis_url:
            for number in range(arguments.rounds):
                with gunicorn("empty_app:app", data_dir, redis_url) as port:
                    load.run(port, gets(200), arguments.clients)
                    results["empty"].append(load.run(port, gets(4 * share), arguments.clients))
                    sent = posts("/discard", jpeg, 0, 2 * share)
                    results["discard"].append(load.run(port, sent, arguments.clients))
                with gunicorn("connector.web.wsgi:app", data_dir, redis_url) as port:
                    first = 1_000_000 * (number + 1)
                    load.run(port, posts(hook, jpeg, first, 100), arguments.clients)
                    sent = posts(hook, jpeg, first + 1000, share)
                    results["hook"].append(load.run(port, sent, arguments.clients))
        check(prepared, results["hook"], arguments.rounds * (share + 100))
    report(results, len(jpeg), arguments.clients)


def check(prepared: common.Prepared, hooks: list[load.Result], expected: int) -> None:
    """See that every answer was a 202 and every picture is there."""
    refused = {status for result in hooks for status in result.statuses} - {202}
    with prepared.database.read() as session:
        rows = session.scalar(select(func.count()).select_from(Prediction))
    if refused or rows != expected:
        raise SystemExit(f"{rows} of {expected} pictures are there; statuses beside 202: {refused}")


def report(results: dict[str, list[load.Result]], size: int, clients: int) -> None:
    """Print the table: of each round's speed the best, since others only take from it."""
    names = {
        "empty": "empty Flask route, GET without a body",
        "discard": "empty Flask route, the same pictures",
        "hook": "the hook, bytes and row safe",
    }
    best = {name: max(several, key=lambda one: one.per_second) for name, several in results.items()}
    rows = [
        (
            names[name],
            one.per_second,
            one.percentile(50),
            one.percentile(95),
            one.per_second / best["discard"].per_second,
        )
        for name, one in best.items()
    ]
    print(f"{size:,} bytes a picture, {clients} clients\n")
    print(common.table(("", "requests/s", "median ms", "95 % ms", "ratio"), rows))


if __name__ == "__main__":
    main()
