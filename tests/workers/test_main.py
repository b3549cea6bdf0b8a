"""A worker process's own: it ends when told to, whenever that is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue

from connector.embedded import EmbeddedRedis
from workers import main
from workers.runtime import Runtime


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Redis]:
    with EmbeddedRedis(tmp_path).running() as url, closing(Redis.from_url(url)) as client:
        yield client


@pytest.mark.timeout(30)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_told_to_stop_before_it_listens_it_ends(
    client: Redis, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "runtime", lambda: rt)
    rt.stopping.set()
    worker = main.Worker([Queue("act", connection=client)], connection=client)
    with monkeypatch.context() as patch:
        # RQ would put its own handlers in the place of pytest's.
        patch.setattr("signal.signal", lambda *_: None)
        assert worker.work(logging_level="WARNING") is False
