"""The process that looks at watched folders. `python -m workers.watch`.

Run it where the folders are. Each look has a thread of its own, so that a network drive that hangs
holds up nobody else; and a folder is looked at by one process at a time, whoever holds its lease.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time

from connector.domain import watched
from connector.domain.quotas import Quotas
from connector.errors import ColabelError
from connector.logs import log_context, setup_logging
from connector.storage import check_at_start
from workers.runtime import Runtime, runtime
from workers.watcher import Watcher

logger = logging.getLogger(__name__)

# The database has as many connections; more folders take turns.
AT_ONCE = 12
LOOK_AROUND_SECONDS = 0.1
# What is in hand when the process is told to stop has this long to be written down.
ENDING_SECONDS = 3.0


class Crew:
    """The watchers of all sources, and the threads of those who look just now."""

    def __init__(self, rt: Runtime) -> None:
        self._rt, self._quotas = rt, Quotas(rt.database, rt.settings)
        self._watchers: dict[str, Watcher] = {}
        self._looking: dict[str, threading.Thread] = {}
        self._ask_at = 0.0

    def go_round(self) -> None:
        """Let everybody look whose time has come, if there is a thread for it."""
        now = time.monotonic()
        if now >= self._ask_at:
            self._ask_at = now + self._rt.settings.watch_seconds
            self._sign_on()
        for source_id, watcher in self._watchers.items():
            if len(self._busy()) >= AT_ONCE:
                return
            if source_id not in self._looking and watcher.next_at <= now:
                thread = threading.Thread(target=self._look, args=(watcher,), daemon=True)
                self._looking[source_id] = thread
                thread.start()

    def _busy(self) -> dict[str, threading.Thread]:
        self._looking = {name: one for name, one in self._looking.items() if one.is_alive()}
        return self._looking

    def _sign_on(self) -> None:
        with self._rt.database.read() as session:
            wanted = watched.active(session)
        busy = self._busy()
        for source_id in set(self._watchers) - set(wanted) - set(busy):
            self._watchers.pop(source_id).let_go()
        for source_id in wanted:
            if source_id not in self._watchers:
                self._watchers[source_id] = Watcher(self._rt, self._quotas, source_id)

    @staticmethod
    def _look(watcher: Watcher) -> None:
        with log_context(source_id=watcher.source_id):
            try:
                watcher.look()
            except ColabelError as error:
                logger.warning(error.detail)
                watcher.wait_a_little()
            except Exception:
                logger.exception("a look at the folder of %s broke off", watcher.source_id)
                watcher.wait_a_little()

    def end(self) -> None:
        """Wait a moment for those who look; give back what is not in anybody's hands."""
        until = time.monotonic() + ENDING_SECONDS
        for thread in self._busy().values():
            thread.join(max(0.0, until - time.monotonic()))
        for source_id in set(self._watchers) - set(self._busy()):
            self._watchers[source_id].let_go()


def serve(rt: Runtime) -> None:
    """Watch until told to stop; a database that is away for a while is waited for."""
    crew = Crew(rt)
    pause = min(LOOK_AROUND_SECONDS, rt.settings.watch_seconds)
    while not rt.stopping.wait(pause):
        try:
            crew.go_round()
        except ColabelError as error:
            logger.warning(error.detail)
            rt.stopping.wait(rt.settings.watch_seconds)
    try:
        crew.end()
    except ColabelError as error:
        logger.warning(error.detail)


def main() -> int:
    """Run until a signal says stop."""
    setup_logging("watch")
    try:
        rt = runtime()
        check_at_start(rt.settings)
    except ColabelError as error:
        print(error.detail, file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: rt.stopping.set())
    serve(rt)
    return 0


if __name__ == "__main__":
    sys.exit(main())
