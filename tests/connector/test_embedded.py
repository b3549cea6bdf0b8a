"""The bundled Redis, with real servers."""

from __future__ import annotations

import math
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import AuthenticationError, Redis
from redis import ConnectionError as RedisConnectionError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker

from connector.child import Death
from connector.embedded import EmbeddedRedis, redis_url
from connector.settings import load_settings

NEVER = Retry(NoBackoff(), 0)
pytestmark = pytest.mark.timeout(30)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_listens_on_a_private_socket_and_says_where(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    with EmbeddedRedis(tmp_path).running() as url:
        assert url.startswith("unix://")
        assert redis_url(settings) == url
        assert mode(tmp_path / "run" / "redis.sock") == 0o600
        assert mode(tmp_path / "run" / "redis.url") == 0o600
        with closing(Redis.from_url(url)) as client:
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert not (tmp_path / "run" / "redis.url").exists()
    assert redis_url(settings) == url


def test_a_given_redis_url_wins(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, redis_url="redis://elsewhere:6379/1")
    assert redis_url(settings) == "redis://elsewhere:6379/1"


def test_a_folder_with_odd_characters(tmp_path: Path) -> None:
    folder = tmp_path / 'Bilder "von" Ölaf 100%'
    with EmbeddedRedis(folder).running() as url, closing(Redis.from_url(url)) as client:
        assert client.set("bell", "1")
    assert (folder / "redis" / "appendonly.aof").stat().st_size > 0


def test_a_long_path_falls_back_to_a_port_with_a_password(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    with EmbeddedRedis(folder).running() as url:
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname) == ("redis", "127.0.0.1")
        assert mode(folder / "run" / "redis.conf") == 0o600
        with closing(Redis.from_url(url)) as client:
            assert client.ping()
        stranger = Redis(port=parts.port or 0, retry=NEVER)
        with closing(stranger), pytest.raises(AuthenticationError):
            stranger.ping()


def test_rq_works_on_it(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path).running() as url, closing(Redis.from_url(url)) as client:
        queue = Queue("sums", connection=client)
        job = queue.enqueue(math.sqrt, 49)
        assert SimpleWorker([queue], connection=client).work(burst=True)
        result = job.latest_result()
        assert result is not None
        assert result.return_value == 7.0


SERVE = """
import logging, sys
from pathlib import Path
from connector.child import Backoff
from connector.embedded import EmbeddedRedis
from connector.output import Output
from connector.supervisor import Supervisor

logging.basicConfig(stream=sys.stdout, format="%(message)s")
output = Output(sys.stdout.buffer)
server = EmbeddedRedis(Path(sys.argv[1]))
with Supervisor([server.child()], on_event=lambda event: output.text(event.text), output=output,
                backoff=Backoff(delays=(0.05,))) as supervisor:
    supervisor.wait_ready(10)
    supervisor.run()
output.close()
"""


@contextmanager
def supervised(data_dir: Path) -> Iterator[tuple[Redis, Path]]:
    """Run a supervised server in a process of its own; yield a client and the output's file."""
    said = data_dir / "said.txt"
    data_dir.mkdir(exist_ok=True)
    with said.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(data_dir)], stdout=stream, stderr=stream
        )
        client = Redis.from_url(f"unix://{data_dir}/run/redis.sock", retry=NEVER)
        try:
            until(lambda: answers(client))
            yield client, said
        finally:
            client.close()
            process.terminate()
            assert process.wait(timeout=10) == 0, said.read_text()


def answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except (RedisConnectionError, OSError):
        return False


def until(condition: Callable[[], object], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def server_pid(client: Redis) -> int:
    return int(client.info("server")["process_id"])


def test_it_survives_kill_9_with_its_data(tmp_path: Path) -> None:
    with supervised(tmp_path) as (client, said):
        client.set("kept", "yes")
        first = server_pid(client)
        os.kill(first, signal.SIGKILL)
        until(lambda: answers(client) and server_pid(client) != first)
        assert client.get("kept") == b"yes"
        assert "redis was killed by signal 9 (SIGKILL); starting it again" in said.read_text()
    with supervised(tmp_path) as (client, _):
        assert client.get("kept") == b"yes"


def test_a_torn_last_write_is_cut_off(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path).running() as url, closing(Redis.from_url(url)) as client:
        client.set("first", "1")
        client.set("second", "2")
    log = tmp_path / "redis" / "appendonly.aof"
    log.write_bytes(log.read_bytes()[:-3])
    with EmbeddedRedis(tmp_path).running() as url, closing(Redis.from_url(url)) as client:
        assert client.get("first") == b"1"
        assert client.get("second") is None


@pytest.mark.parametrize("damage", [b"REDIS0009 this is not", b"*3\r\n$9\r\nnot redis at all\r\n"])
def test_data_that_cannot_be_read_is_moved_aside(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_bytes(damage)
    with supervised(tmp_path) as (client, said):
        assert client.dbsize() == 0
        (kept,) = (tmp_path / "redis").glob("damaged-*/appendonly.aof")
        assert kept.read_bytes() == damage
        assert f"It was moved to {kept.parent} and Redis starts empty" in said.read_text()


def test_other_trouble_moves_nothing(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    (tmp_path / "redis" / "appendonly.aof").write_bytes(b"good")
    for status, line in [
        (1, "# Can't open the append-only file: Permission denied"),
        (1, "Could not create server TCP listening socket 127.0.0.1:1: Address already in use"),
        (-9, "Bad file format reading the append only file"),
    ]:
        server.repair(Death("redis", status, 0.1, [line]))
    assert (tmp_path / "redis" / "appendonly.aof").read_bytes() == b"good"
