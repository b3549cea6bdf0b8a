"""Rings from a thread: none is lost, many become one, and nobody waits for a slow Redis."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rq import Queue

from connector.embedded import EmbeddedRedis
from connector.jobs import Bells, bell_key, connect
from connector.ringer import Ringer

SOON = 10.0


class SlowBells(Bells):
    """Bells whose Redis answers only when the test lets it."""

    def __init__(self) -> None:
        super().__init__(connect("unix:///nowhere"))
        self.begun, self.answers = threading.Semaphore(0), threading.Semaphore(0)
        self.rung: list[str] = []
        self.broken = False

    def ring(self, name: str) -> bool:
        self.rung.append(name)
        self.begun.release()
        assert self.answers.acquire(timeout=SOON)
        if self.broken:
            raise RuntimeError("nobody thought of this")
        return True


@pytest.fixture
def slow() -> Iterator[SlowBells]:
    bells = SlowBells()
    yield bells
    bells.answers.release(100)


def test_nobody_waits_and_what_is_asked_meanwhile_becomes_one_ring(slow: SlowBells) -> None:
    ringer = Ringer(slow)
    ringer.ring("classify")
    assert slow.begun.acquire(timeout=SOON)
    for _ in range(50):
        ringer.ring("classify")
    assert slow.rung == ["classify"]
    slow.answers.release(2)
    # The ring that was under way may have come too early for those who asked later.
    assert slow.begun.acquire(timeout=SOON)
    assert slow.rung == ["classify"] * 2
    ringer.ring("act")
    assert slow.begun.acquire(timeout=SOON)
    assert slow.rung == ["classify", "classify", "act"]


def test_a_ring_that_fails_silences_none_after_it(
    slow: SlowBells, caplog: pytest.LogCaptureFixture
) -> None:
    ringer = Ringer(slow)
    slow.broken = True
    slow.answers.release(2)
    for _ in range(2):
        ringer.ring("classify")
        assert slow.begun.acquire(timeout=SOON)
    assert "the clock will ring" in caplog.text


def test_it_rings_in_a_real_redis(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path).running() as url:
        client = redis.Redis.from_url(url)
        rung = threading.Event()

        class HeardBells(Bells):
            def ring(self, name: str) -> bool:
                heard = super().ring(name)
                rung.set()
                return heard

        Ringer(HeardBells(connect(url))).ring("classify")
        assert rung.wait(SOON)
        assert client.exists(bell_key("classify"))
        assert Queue("classify", connection=client).count == 1
