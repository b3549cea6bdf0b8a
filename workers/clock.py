"""The clock: every few seconds it rings for whatever was left behind. `python -m workers.clock`.

It is what makes a lost ring, a flushed Redis or a dead worker harmless.
"""

from __future__ import annotations

import logging
import signal
import sys

from connector.domain import learning
from connector.domain.waiting import waiting
from connector.errors import ColabelError
from connector.logs import setup_logging
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)


def tick(rt: Runtime) -> list[str]:
    """Begin the trainings that are due; ring once for every job with work, return their names."""
    with rt.database.read() as session:
        due = learning.any_due(session)
    if due:
        with rt.database.write() as session:
            learning.request_due(session)
    with rt.database.read() as session:
        names = waiting(session)
    if rt.bells is not None:
        for name in names:
            rt.bells.ring(name)
    return names


def serve(rt: Runtime) -> None:
    """Tick until told to stop; a database that is away for a while is waited for."""
    while not rt.stopping.wait(rt.settings.clock_seconds):
        try:
            tick(rt)
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
    serve(rt)
    return 0


if __name__ == "__main__":
    sys.exit(main())
