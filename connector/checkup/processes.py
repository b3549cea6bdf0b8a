"""Which processes of the service run, as far as Redis and the data folder tell."""

from __future__ import annotations

from contextlib import closing

import redis

from connector import presence
from connector.embedded import redis_url
from connector.errors import Conflict
from connector.jobs import connect
from connector.lock import data_folder_lock
from connector.settings import Settings


def workers_of(settings: Settings, queue: str) -> int | None:
    """Return how many workers of a queue live, or None when Redis is away."""
    try:
        with closing(connect(redis_url(settings))) as client:
            return presence.count(client, queue)
    except redis.RedisError:
        return None


def service_runs(settings: Settings) -> bool:
    """Say whether a `colabel up` holds this data folder."""
    if not (settings.data_dir / "run").is_dir():
        return False
    try:
        with data_folder_lock(settings.data_dir):
            return False
    except Conflict:
        return True
