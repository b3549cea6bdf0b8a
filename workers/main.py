"""One worker for one queue: `python -m workers.main QUEUE`, or `--burst` to do what waits and end.

The worker keeps its process (no fork per job), so that models stay warm.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import signal
import sys
from collections.abc import Callable
from types import FrameType, ModuleType

import redis
from rq import Queue, SimpleWorker

from connector import presence
from connector.embedded import redis_url
from connector.errors import ColabelError
from connector.jobs import JOBS, QUEUES, connect_to_wait
from connector.logs import setup_logging
from connector.settings import load_settings
from connector.storage import check_at_start
from workers.runtime import runtime

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0


class Worker(SimpleWorker):
    """RQ's worker in one process, which comes back soon after Redis was away."""

    max_connection_wait_time = 2.0

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Also tell the drain that runs, so that it ends after the batch in hand."""
        runtime().stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def _install_signal_handlers(self) -> None:
        """Also see a signal that came before RQ listens for it, instead of waiting for a job."""
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        self._stop_requested = self._stop_requested or runtime().stopping.is_set()


def modules(queue: str) -> list[ModuleType]:
    """Import the modules of the queue's jobs now: a broken one must be loud, not a lost job."""
    names = dict.fromkeys(
        job.function.rpartition(".")[0] for job in JOBS.values() if job.queue == queue
    )
    return [importlib.import_module(name) for name in names]


def burst(queue: str, *, slow: bool = False) -> int:
    """Do what waits for `queue`, without Redis; return how much that was.

    Somebody sits at a terminal and waits, so a module may have a `burst` that leaves out what takes
    minutes; `slow` does that too.
    """
    done = 0
    for module in modules(queue):
        work = module.drain if slow else getattr(module, "burst", module.drain)
        done += int(work())
    return done


def serve(queue: str) -> None:
    """Work until a signal says stop; a Redis that is away is waited for.

    Raises ConfigurationError when the bucket that the settings name cannot be used.
    """
    check_at_start(load_settings())
    loaded = modules(queue)
    stopping = runtime().stopping
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    for module in loaded:
        start: Callable[..., object] | None = getattr(module, "warm", None)
        if start is not None:
            start(runtime())
    with presence.signed_in(queue, _redis_url, device=_device):
        while not stopping.is_set():
            try:
                _listen(queue)
                return
            except redis.RedisError as error:
                logger.warning("Redis is away (%s); trying again", error)
                stopping.wait(RECONNECT_SECONDS)


def _listen(queue: str) -> None:
    connection = connect_to_wait(_redis_url())
    worker = Worker([Queue(queue, connection=connection)], connection=connection)
    worker.log_job_description = False
    worker.work(logging_level="WARNING", with_scheduler=False)


def _device() -> str | None:
    """Return what the models of this process run on, once one was loaded."""
    sessions = runtime().cache.get("sessions")
    return None if sessions is None else str(sessions.device or "") or None


def _redis_url() -> str:
    return redis_url(load_settings())


def main() -> int:
    """Run the worker that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m workers.main", description=__doc__)
    parser.add_argument("queue", choices=QUEUES)
    parser.add_argument("--burst", action="store_true", help="do what waits, then end")
    parser.add_argument("--slow", action="store_true", help="with --burst: fine-tuning, too")
    arguments = parser.parse_args()
    setup_logging(arguments.queue)
    try:
        if arguments.burst:
            burst(arguments.queue, slow=arguments.slow)
        else:
            serve(arguments.queue)
    except ColabelError as error:
        print(error.detail, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
