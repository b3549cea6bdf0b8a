"""Ringing from a thread of its own, so that nobody's answer waits for Redis."""

from __future__ import annotations

import logging
import threading
import time

from connector.jobs import Bells

logger = logging.getLogger(__name__)

PACE_SECONDS = 0.01


class Ringer:
    """Rings for jobs soon: at once when all was quiet, else at most every 10 ms.

    Whoever asks has committed, and every ring here begins after the asking, so that none is lost
    with the process alive; for the ring of one that dies there is the clock.
    """

    def __init__(self, bells: Bells) -> None:
        self._bells = bells
        self._asked: set[str] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def ring(self, name: str) -> None:
        """Ask for job `name`; returns at once."""
        with self._condition:
            if self._thread is None:
                # Not before: a thread would not survive the fork of a web process.
                self._thread = threading.Thread(target=self._serve, name="ringer", daemon=True)
                self._thread.start()
            if name not in self._asked:
                self._asked.add(name)
                self._condition.notify()

    def _serve(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._asked)
                asked, self._asked = self._asked, set()
            for name in asked:
                try:
                    self._bells.ring(name)
                except Exception:
                    # One bad ring must not silence all that follow; the clock rings for it.
                    logger.exception("Ringing for %s failed; the clock will ring", name)
            time.sleep(PACE_SECONDS)
