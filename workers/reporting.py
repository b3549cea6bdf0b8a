"""How far a training run is, written down now and then; and when it has to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from connector.domain import training
from connector.domain.training import Claimed
from connector.errors import Unavailable
from models.training import Progress
from workers.runtime import Runtime

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.4


class Stopping(Exception):
    """This worker was told to stop; another one takes the run up."""


class Reporter:
    """Writes progress; stops the training when this worker stops or the run is not its any more.

    `meanwhile` is called each time, for what cannot wait until a long training ends.
    """

    def __init__(
        self, rt: Runtime, claimed: Claimed, meanwhile: Callable[[], object] | None = None
    ) -> None:
        self._rt, self._claimed = rt, claimed
        self._meanwhile = meanwhile
        self._step = ""
        self._written_at = 0.0

    def __call__(self, now: Progress) -> None:
        """Take note of `now`. Raises Stopping, LostLease."""
        if self._rt.stopping.is_set():
            raise Stopping
        moment = time.monotonic()
        if now.step == self._step and moment - self._written_at < PROGRESS_SECONDS:
            return
        self._step, self._written_at = now.step, moment
        try:
            with self._rt.database.write() as session:
                training.progress(
                    session,
                    self._claimed,
                    step=now.step,
                    done=now.done,
                    total=now.total,
                    message=now.message,
                    remaining_seconds=now.remaining_seconds,
                )
        except Unavailable as error:
            logger.warning("progress could not be written: %s", error.detail)
        if self._meanwhile is not None:
            self._meanwhile()
