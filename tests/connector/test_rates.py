"""A bucket of tokens for each workspace, shared by processes while Redis is there."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from running import until

from connector.embedded import EmbeddedRedis
from connector.rates import MOST_BUCKETS, QUIET_SECONDS, Rates, connect


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")).running() as url:
        yield url


@pytest.fixture
def shared(url: str) -> Iterator[Rates]:
    with closing(connect(url)) as client:
        client.flushall()
        yield Rates(client, per_minute=60, burst=5)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def alone(tmp_path: Path, clock: Clock) -> Rates:
    """Rates whose Redis is away."""
    return Rates(connect(f"unix://{tmp_path}/none.sock"), per_minute=60, burst=5, clock=clock)


def test_processes_share_a_bucket(shared: Rates, url: str) -> None:
    with closing(connect(url)) as client:
        other = Rates(client, per_minute=60, burst=5)
        assert [one.take("ws_a", 2) for one in (shared, other)] == [0, 0]
        wait = shared.take("ws_a", 2)
        assert 0 < wait <= 1
        assert other.take("ws_b", 5) == 0, "a neighbour has a bucket of its own"


def test_of_many_at_once_only_the_burst_gets_in(shared: Rates) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: shared.take("ws_a", 1), range(40)))
    # One more for each second that this took.
    assert 5 <= waits.count(0) <= 7


def test_the_bucket_fills_with_time(url: str) -> None:
    with closing(connect(url)) as client:
        quick = Rates(client, per_minute=6000, burst=3)
        assert quick.take("ws_quick", 3) == 0
        assert 0 < quick.take("ws_quick", 3) <= 0.03
        until(lambda: quick.take("ws_quick", 3) == 0, 10, "it is full again")


def test_what_was_not_used_is_given_back(shared: Rates) -> None:
    assert shared.take("ws_a", 5) == 0
    assert shared.take("ws_a", -3) == 0
    assert shared.take("ws_a", 3) == 0
    assert shared.take("ws_a", -100) == 0
    assert shared.take("ws_a", 5) == 0
    assert shared.take("ws_a", 1) > 0, "never more than the burst"


def test_a_call_larger_than_the_burst_waits_for_a_full_bucket_and_is_owed(shared: Rates) -> None:
    assert shared.take("ws_a", 8) == 0
    assert 3 < shared.take("ws_a", 1) <= 4


def test_an_emptied_redis_begins_with_full_buckets(shared: Rates) -> None:
    assert shared.take("ws_a", 5) == 0
    shared.client.flushall()
    shared.client.script_flush()
    assert shared.take("ws_a", 5) == 0


def test_a_bucket_that_is_full_is_forgotten(shared: Rates) -> None:
    shared.take("ws_a", 2)
    assert 2000 < int(shared.client.pttl("colabel:rate:ws_a")) <= 3001  # type: ignore[arg-type]


def test_without_redis_a_process_counts_by_itself(alone: Rates, clock: Clock) -> None:
    assert [alone.take("ws_a", 1) for _ in range(5)] == [0] * 5
    assert alone.take("ws_a", 1) == pytest.approx(1)
    assert alone.take("ws_b", 5) == 0
    clock.now += 2
    assert alone.take("ws_a", 2) == 0
    assert alone.take("ws_a", 1) > 0
    assert alone.take("ws_a", -1) == 0
    assert alone.take("ws_a", 1) == 0


def test_redis_is_tried_again_later(alone: Rates, clock: Clock, url: str) -> None:
    assert alone.take("ws_again", 5) == 0
    with closing(connect(url)) as client:
        alone._script = client.register_script(alone._script.script)
        assert alone.take("ws_again", 1) > 0, "not yet: nobody waits for it meanwhile"
        clock.now += QUIET_SECONDS
        assert alone.take("ws_again", 5) == 0
        assert client.exists("colabel:rate:ws_again")


def test_a_process_remembers_only_so_many(alone: Rates) -> None:
    for number in range(MOST_BUCKETS + 5):
        alone.take(f"ws_{number}", 5)
    assert len(alone._own) == MOST_BUCKETS
    assert alone.take(f"ws_{MOST_BUCKETS}", 1) > 0
