"""The clock: every few seconds it rings for whatever was left behind. `python -m workers.clock`.

It is what makes a lost ring, a flushed Redis or a dead worker harmless.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from contextlib import closing

from connector import presence
from connector.domain import asking, asking_turns, learning
from connector.domain.waiting import waiting
from connector.embedded import redis_url
from connector.errors import ColabelError
from connector.logs import setup_logging
from connector.settings import load_settings
from workers.pruning import Pruning
from workers.receive import Receiver
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

SWEPT_SECONDS = 24 * 3600.0


def tick(rt: Runtime) -> list[str]:
    """Begin the trainings that are due; ring once for every job with work, return their names."""
    with rt.database.read() as session:
        due = learning.any_due(session)
    if due:
        with rt.database.write() as session:
            learning.request_due(session)
    with rt.database.read() as session:
        names = waiting(session)
        if asking_turns.any_work(session, rt.settings):
            names.append(asking.JOB)
    if rt.bells is not None:
        for name in names:
            rt.bells.ring(name)
    return names


def sweep(rt: Runtime) -> None:
    """Remove what writers that were killed left unfinished in the store a day ago or earlier."""
    removed = rt.blobs.sweep(SWEPT_SECONDS)
    if removed:
        logger.info("removed %d unfinished files", removed)


def serve(rt: Runtime) -> None:
    """Tick until told to stop; a database that is away for a while is waited for."""
    sweep_at = time.monotonic()
    with closing(Receiver(rt)) as receiver:
        _serve(rt, receiver, Pruning(rt), sweep_at)


def _serve(rt: Runtime, receiver: Receiver, pruning: Pruning, sweep_at: float) -> None:
    while not rt.stopping.wait(rt.settings.clock_seconds):
        try:
            tick(rt)
            receiver.tend()
            if time.monotonic() >= sweep_at:
                sweep_at += SWEPT_SECONDS
                sweep(rt)
            pruning.turn()
        except ColabelError as error:
            logger.warning(error.detail)


def main() -> int:
    """Run the clock until a signal says stop."""
    setup_logging("clock")
    try:
        rt = runtime()
    except ColabelError as error:
        print(error.detail, file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: rt.stopping.set())
    with presence.signed_in(presence.CLOCK, lambda: redis_url(load_settings())):
        serve(rt)
    return 0


if __name__ == "__main__":
    sys.exit(main())
