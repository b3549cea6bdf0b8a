"""What every job needs, made once per process: settings, database, blobs, bells, a stop flag."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from connector.db import Database
from connector.embedded import redis_url
from connector.jobs import Bells, connect
from connector.settings import Settings, load_settings
from connector.storage import Blobs, open_blobs

logger = logging.getLogger(__name__)

# A drain gives way after this time, so that no job runs into its timeout under a steady stream.
SHIFT_SECONDS = 60.0


@dataclass
class Runtime:
    """The parts a job stands on."""

    settings: Settings
    database: Database
    blobs: Blobs
    bells: Bells | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    # What a job keeps warm between runs.
    cache: dict[str, Any] = field(default_factory=dict)


def open_runtime(settings: Settings, *, with_redis: bool = True) -> Runtime:
    """Open everything that the settings name; nothing connects before it is used."""
    bells = Bells(connect(redis_url(settings))) if with_redis else None
    database = Database(settings.database, ring=bells.ring if bells else None)
    return Runtime(settings, database, open_blobs(settings), bells)


@cache
def runtime() -> Runtime:
    """Return this process's runtime, from the environment."""
    return open_runtime(load_settings())


def drain(rt: Runtime, job: str, step: Callable[[Runtime], int]) -> int:
    """Answer the bell, then repeat `step` until it finds nothing (returns 0); return the total.

    The bell goes down before anything is claimed: a ring that comes later is not lost.
    """
    if rt.bells is not None:
        rt.bells.answer(job)
    total, ends = 0, time.monotonic() + SHIFT_SECONDS
    while not rt.stopping.is_set():
        done = step(rt)
        total += done
        if not done:
            return total
        if time.monotonic() > ends:
            break
    if rt.bells is not None:
        rt.bells.ring(job)
    return total
