"""A few limited processes, and what is done when one of them does not come back."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Sequence

from connector.sandbox.limits import Limits
from connector.sandbox.process import Answer, Gone, LimitedProcess, Verdict
from connector.sandbox.wire import Facts

logger = logging.getLogger(__name__)

# Nobody pays for processes that have nothing to do, unless they were asked to stay.
IDLE_SECONDS = 60.0


class Pool:
    """Up to `size` limited processes with `modules` imported, started when they are needed.

    Each has one piece of work in hand, so that it is known which one it ended over.
    """

    def __init__(self, limits: Limits, size: int, modules: Sequence[str]) -> None:
        self.limits, self.size = limits, size
        self._modules = modules
        self._slots = threading.BoundedSemaphore(size)
        self._idle: list[LimitedProcess] = []
        self._lock = threading.Lock()
        self._idle_seconds = IDLE_SECONDS
        self._warned = False
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._forget)

    def warm(self) -> None:
        """Start all of them now, and keep them however long there is nothing to do."""
        self._idle_seconds = 0.0
        with self._lock:
            self._idle += [self._start() for _ in range(self.size - len(self._idle))]

    def run(self, task: str, data: bytes, facts: Facts, *, max_answer: int) -> Answer:
        """Have `task` ("module:function") work on `data`; wait for a process that is free.

        Raises Refused (the task's own errors), TooExpensive, Broke, and Unavailable when no process
        can be started. What is not certain is tried again, in a fresh process: the machine may
        have been busy, or somebody else may have ended the first one.
        """
        with self._slots:
            failed = False
            while True:
                process = self._start() if failed else self._take()
                try:
                    answer = process.run(task, data, facts, max_answer)
                    self._look(process)
                    return answer
                except Gone:
                    continue
                except Verdict as error:
                    process.close()
                    logger.warning("%s of %d bytes: %s", task, len(data), error)
                    if failed or error.certain:
                        raise
                    failed = True
                finally:
                    self._give_back(process)

    def close(self) -> None:
        """End those that have nothing in hand."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()

    def _start(self) -> LimitedProcess:
        return LimitedProcess(self.limits, self._modules, self._idle_seconds)

    def _take(self) -> LimitedProcess:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.is_alive():
                    return process
                process.close()
        return self._start()

    def _give_back(self, process: LimitedProcess) -> None:
        if process.is_alive():
            with self._lock:
                self._idle.append(process)
        else:
            process.close()

    def _look(self, process: LimitedProcess) -> None:
        if process.memory_limited is False and not self._warned:
            self._warned = True
            logger.warning(
                "This system does not limit the memory of a process: pictures are decoded apart "
                "and in limited time, but a hostile one may take all the memory there is."
            )

    def _forget(self) -> None:
        """After a fork: the processes are the parent's."""
        self._idle = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self.size)
