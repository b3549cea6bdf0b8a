"""The one table of jobs, and the doorbell that asks for them.

The database is the truth: what is to be done stands there, and a job only says "look". So a lost,
doubled or late job does no harm, and one waiting job per queue is enough.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import dataclass

import redis
from rq import Queue

logger = logging.getLogger(__name__)

BELL_SECONDS = 5
QUIET_SECONDS = 1.0


@dataclass(frozen=True)
class Job:
    """A job: the function that drains the work, the queue it waits in, its longest time."""

    function: str
    queue: str
    timeout_seconds: int


JOBS: dict[str, Job] = {
    "classify": Job("workers.classify.drain", "classify", 600),
    "act": Job("workers.act.drain", "act", 600),
    "deliver": Job("workers.deliver.drain", "deliver", 600),
    "ask": Job("workers.ask.drain", "deliver", 600),
    "train": Job("workers.train.drain", "train", 6 * 3600),
    "judge": Job("workers.judge.drain", "train", 600),
    "study": Job("workers.study.drain", "train", 600),
    "score": Job("workers.scoring.drain", "train", 600),
}
QUEUES = tuple(dict.fromkeys(job.queue for job in JOBS.values()))


def bell_key(name: str) -> str:
    """Return the Redis key that says "this job is waiting already"."""
    return f"colabel:bell:{name}"


def connect(url: str) -> redis.Redis:
    """Return a client for the web process: it must never hang on a Redis that is away."""
    return redis.Redis.from_url(url, socket_connect_timeout=0.5, socket_timeout=2.0)


def connect_to_wait(url: str) -> redis.Redis:
    """Return a client for a worker, which waits for minutes on one connection.

    A Redis whose host vanished says nothing: without keepalives that wait would go on for minutes
    after it is back.
    """
    options = {
        getattr(socket, name): value
        for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    }
    if url.startswith("unix:"):
        return redis.Redis.from_url(url)
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        socket_keepalive_options=options,
    )


class Bells:
    """Rings for jobs; keeps silent for a moment after a failure so that nobody waits on Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._quiet_until = 0.0
        self._lock = threading.Lock()

    def ring(self, name: str) -> bool:
        """Ask for job `name` once; return False when Redis is away (the clock will ring later)."""
        if time.monotonic() < self._quiet_until:
            return False
        try:
            self._ring(name)
        except redis.RedisError as error:
            with self._lock:
                self._quiet_until = time.monotonic() + QUIET_SECONDS
            logger.warning("Redis is away (%s); the clock will ring for %s", error, name)
            return False
        return True

    def _ring(self, name: str) -> None:
        if not self.client.set(bell_key(name), 1, nx=True, ex=BELL_SECONDS):
            return
        job = JOBS[name]
        Queue(job.queue, connection=self.client).enqueue_call(
            job.function,
            timeout=job.timeout_seconds,
            result_ttl=0,
            ttl=60,
            failure_ttl=3600,
        )

    def answer(self, name: str) -> None:
        """Take the bell down. A drain does this *before* it claims, so that no ring is missed.

        With Redis away there is no bell to take down, and work goes on all the same.
        """
        try:
            self.client.delete(bell_key(name))
        except redis.RedisError as error:
            logger.warning("Redis is away (%s); working on %s without it", error, name)
