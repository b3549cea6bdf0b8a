"""How fast pictures of a workspace may come in: a bucket of tokens that all web processes share.

The bucket is in Redis, where one script looks, decides and takes, by the clock of Redis. Should
Redis be away, each process goes on with a bucket of its own: so nobody is refused for that, and a
workspace may send up to as many times more as there are web processes, until Redis is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

# Somebody waits for the answer: one short try, then none for a while.
CONNECT_SECONDS, ANSWER_SECONDS = 0.2, 0.5
QUIET_SECONDS = 5.0
MOST_BUCKETS = 10_000
# Takes n tokens (a negative n gives some back); returns the seconds until they are there, else 0.
# More than the bucket holds are let through when it is full, and are owed then.
SCRIPT = """
local rate, burst, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
local needed = math.min(n, burst)
if n > 0 and tokens < needed then
  return string.format('%.6f', (needed - tokens) / rate)
end
tokens = math.min(burst, tokens - n)
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens),
           'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000) + 1000)
return '0'
"""


def connect(url: str) -> redis.Redis:
    """Return a client that gives up at once."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


@dataclass
class _Bucket:
    tokens: float
    at: float


class Rates:
    """Lets `per_minute` pictures of each workspace in, and `burst` at once after a rest."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        per_minute: int,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self._rate, self._burst = per_minute / 60, float(burst)
        self._clock = clock
        self._script = client.register_script(SCRIPT)
        self._own: OrderedDict[str, _Bucket] = OrderedDict()
        self._quiet_until = float("-inf")
        self._lock = threading.Lock()

    def take(self, workspace_id: str, pictures: int) -> float:
        """Take so many tokens; return 0, or the seconds after which they could be taken.

        A negative number gives tokens back.
        """
        if self._clock() >= self._quiet_until:
            try:
                arguments = [self._rate, self._burst, pictures]
                return float(self._script(keys=[f"colabel:rate:{workspace_id}"], args=arguments))
            except redis.RedisError as error:
                self._quiet_until = self._clock() + QUIET_SECONDS
                logger.warning("Redis is away (%s); each web process counts by itself", error)
        return self._take_own(workspace_id, pictures)

    def _take_own(self, workspace_id: str, pictures: int) -> float:
        now = self._clock()
        with self._lock:
            bucket = self._own.setdefault(workspace_id, _Bucket(self._burst, now))
            self._own.move_to_end(workspace_id)
            if len(self._own) > MOST_BUCKETS:
                self._own.popitem(last=False)
            grown = bucket.tokens + (now - bucket.at) * self._rate
            tokens, needed = min(self._burst, grown), min(pictures, self._burst)
            if pictures > 0 and tokens < needed:
                return (needed - tokens) / self._rate
            bucket.tokens, bucket.at = min(self._burst, tokens - pictures), now
            return 0.0
