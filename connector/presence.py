"""Which workers are there: each signs itself in for a short time, again and again.

RQ's own list is of no use for that: its entries outlive a killed worker by minutes, as long as the
longest job may take. What is written here lasts 20 seconds by the clock of Redis, whatever its
worker is busy with, and is gone at once when the worker ends in good order.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

import redis

from connector.ids import new_token
from connector.jobs import connect

logger = logging.getLogger(__name__)

LEASE_SECONDS = 20.0
# The clock signs itself in as if it were a queue's worker.
CLOCK = "clock"
BEATS_PER_LEASE = 4
UNKNOWN = "unknown"


def key(queue: str) -> str:
    """Return the sorted set of a queue's workers; the score is until when one counts."""
    return f"colabel:workers:{queue}"


def releases(client: redis.Redis, queue: str) -> set[str]:
    """Return which releases the living workers of `queue` run. Raises redis.RedisError."""
    living = client.zrangebyscore(key(queue), f"({_now(client)}", "+inf")
    names = (name.decode() for name in living if isinstance(name, bytes))
    # What it computes on may follow, behind a space.
    return {name.partition(" ")[0].rpartition(":")[2] for name in names}


def count(client: redis.Redis, queue: str) -> int:
    """Return how many workers of `queue` live. Raises redis.RedisError."""
    return int(client.zcount(key(queue), f"({_now(client)}", "+inf"))


def devices(client: redis.Redis, queue: str) -> dict[str, int]:
    """Return how many living workers of `queue` run models on each device ("cuda", "cpu").

    Those that have loaded none, or do not say, are under "unknown". Raises redis.RedisError.
    """
    names: Any = client.zrangebyscore(key(queue), f"({_now(client)}", "+inf")
    found = Counter(name.decode(errors="replace").partition(" ")[2] or UNKNOWN for name in names)
    return dict(found)


@contextmanager
def signed_in(
    queue: str,
    url: Callable[[], str],
    *,
    lease_seconds: float = LEASE_SECONDS,
    device: Callable[[], str | None] = lambda: None,
) -> Iterator[None]:
    """Count this process among the workers of `queue` until the block ends.

    A thread signs in anew four times per lease. `url` is asked each time, as a Redis that was
    restarted may have another address; one that is away is tried again at the next beat. So is
    `device`, what models run on here, which is not known before the first one is loaded.
    """
    process = f"{socket.gethostname()}:{os.getpid()}:{new_token(8)}"
    plain = f"{process}:{version('colabel')}"
    name, ended = plain, threading.Event()

    def beat() -> None:
        nonlocal name
        while not ended.is_set():
            before, name = name, " ".join(filter(None, (plain, device())))
            sign_in = partial(_sign_in, queue=queue, name=name, before=before)
            _try(url, partial(sign_in, seconds=lease_seconds))
            ended.wait(lease_seconds / BEATS_PER_LEASE)

    thread = threading.Thread(target=beat, name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _try(url, lambda client: client.zrem(key(queue), name))


def _try(url: Callable[[], str], do: Callable[[redis.Redis], object]) -> None:
    try:
        with closing(connect(url())) as client:
            do(client)
    except redis.RedisError as error:
        # The worker itself says at length when Redis is away.
        logger.debug("not signed in or out: %s", error)


def _sign_in(client: redis.Redis, queue: str, name: str, before: str, seconds: float) -> None:
    now = _now(client)
    with client.pipeline() as pipeline:
        if before != name:
            pipeline.zrem(key(queue), before)
        pipeline.zadd(key(queue), {name: now + seconds})
        pipeline.zremrangebyscore(key(queue), "-inf", now)
        pipeline.pexpire(key(queue), int(2000 * seconds))
        pipeline.execute()


def _now(client: redis.Redis) -> float:
    """Return the time by the clock of Redis, so that hosts need not agree."""
    seconds, microseconds = client.time()
    return float(seconds) + microseconds / 1e6
