"""Which workers are there, told by a real Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis
from running import until

from connector import presence
from connector.checkup import checks
from connector.checkup.processes import workers_of
from connector.db import Database
from connector.db.migrate import upgrade
from connector.embedded import EmbeddedRedis
from connector.settings import Settings, load_settings

SECONDS = 30.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    redis = EmbeddedRedis(tmp_path)
    with redis.running():
        yield redis


@pytest.fixture
def local(server: EmbeddedRedis, tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path)


@pytest.fixture
def client(server: EmbeddedRedis, local: Settings) -> Iterator[Redis]:
    with closing(Redis.from_url(url(local))) as client:
        yield client


def url(settings: Settings) -> str:
    return (settings.data_dir / "run/redis.url").read_text().strip()


def counts(client: Redis, queue: str, number: int) -> None:
    until(lambda: presence.count(client, queue) == number, SECONDS, f"{number} in {queue}")


def test_those_who_are_there_are_counted_by_queue(client: Redis, local: Settings) -> None:
    with presence.signed_in("act", lambda: url(local)):
        counts(client, "act", 1)
        with presence.signed_in("act", lambda: url(local)):
            counts(client, "act", 2)
            assert workers_of(local, "act") == 2
            assert workers_of(local, "train") == 0
        assert presence.count(client, "act") == 1
    assert presence.count(client, "act") == 0


def test_an_emptied_redis_hears_of_them_again(client: Redis, local: Settings) -> None:
    with presence.signed_in("act", lambda: url(local), lease_seconds=1):
        counts(client, "act", 1)
        client.flushall()
        counts(client, "act", 1)


def test_a_redis_that_is_away_holds_nobody_up(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/nobody.sock"
    with presence.signed_in("act", lambda: nowhere, lease_seconds=1):
        pass
    assert workers_of(load_settings(data_dir=tmp_path, redis_url=nowhere), "act") is None


def test_who_signs_in_no_more_is_forgotten(client: Redis, local: Settings) -> None:
    code = (
        "import sys, time; from connector import presence\n"
        "with presence.signed_in('act', lambda: sys.argv[1], lease_seconds=1): time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, url(local)]) as process:
        counts(client, "act", 1)
        # Stopped, not ended: what hangs does not count as there either.
        process.send_signal(signal.SIGSTOP)
        counts(client, "act", 0)
        process.send_signal(signal.SIGCONT)
        counts(client, "act", 1)
        process.kill()
    counts(client, "act", 0)


@pytest.mark.service
def test_doctor_does_not_count_a_killed_worker(client: Redis, local: Settings) -> None:
    database = Database(local.database)
    upgrade(database)
    database.close()
    command = [sys.executable, "-m", "workers.main", "deliver"]
    environment = {**os.environ, "COLABEL_DATA_DIR": str(local.data_dir)}
    with subprocess.Popen(command, env=environment) as process:
        counts(client, "deliver", 1)
        assert "deliver 1" in checks.workers(local, running=True).sentence
        process.terminate()
    assert "deliver 0" in checks.workers(local, running=True).sentence
    with subprocess.Popen(command, env=environment) as process:
        counts(client, "deliver", 1)
        process.kill()
    # No need to wait for it: this is until when it counts, by the clock of Redis.
    ((_, until_when),) = client.zrange(presence.key("deliver"), 0, -1, withscores=True)
    assert until_when - client.time()[0] <= SECONDS
