"""Group commit: what several threads want to write at the same time is one transaction.

SQLite lets one writer in at a time and each commit waits for the disk, so a commit per request
makes the disk's latency the limit of everybody. While one group is being committed the next one
gathers; nobody waits longer than two commits, and everybody's rows are synced before they return.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

T = TypeVar("T")


@dataclass(eq=False)
class _Waiting(Generic[T]):
    """One thread's part of a group, and what came of it."""

    write: Callable[[Connection], T]
    value: T | None = None
    error: BaseException | None = None
    finished: bool = False


class _PartFailedError(Exception):
    """One part of a group raised, before anything was committed."""


class Together:
    """Runs writes of many threads in common transactions that `writing` opens and commits."""

    def __init__(self, writing: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._writing = writing
        self._gathered: list[_Waiting[Any]] = []
        self._gathering = threading.Lock()
        self._committing = threading.Lock()

    def run(self, write: Callable[[Connection], T], after: Callable[[], object] = bool) -> T:
        """Return what `write` returned; it is committed then. Raises what `write` raised.

        `write` may run in another thread and, when a part of its group fails, a second time after
        a rollback: it must do nothing but use the connection. `after` is called once for a whole
        group, by the thread that committed it.
        """
        mine, led = _Waiting(write), False
        with self._gathering:
            self._gathered.append(mine)
        with self._committing:
            if not mine.finished:
                with self._gathering:
                    group, self._gathered = self._gathered, []
                self._commit(group)
                led = True
        if led:
            after()
        if mine.error is not None:
            raise mine.error
        return cast("T", mine.value)

    def _commit(self, group: Sequence[_Waiting[Any]]) -> None:
        try:
            with self._writing() as connection:
                _run_all(group, connection)
        except _PartFailedError as failed:
            if len(group) == 1:
                group[0].error = failed.__cause__
            else:
                # The others must not suffer: everybody alone.
                for one in group:
                    self._commit([one])
        except BaseException as error:
            # Raised again in every thread of the group: none may think that it was written.
            for one in group:
                one.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            for one in group:
                one.finished = True


def _run_all(group: Sequence[_Waiting[Any]], connection: Connection) -> None:
    for one in group:
        try:
            one.value = one.write(connection)
        except OperationalError:
            # The database itself: alone it would go no better.
            raise
        except Exception as error:
            raise _PartFailedError from error
