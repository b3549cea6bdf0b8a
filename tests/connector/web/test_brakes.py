"""Refusals of a sender that does not heed them come slowly, and hold up nobody else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from connector.errors import Conflict, TooMany
from connector.web.brakes import AT_ONCE, HELD_SECONDS, MOST_HELD, Brakes


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def refuse(brakes: Brakes, workspace_id: str = "ws_1") -> None:
    with pytest.raises(TooMany), brakes.on(workspace_id):
        raise TooMany("Enough.")


def test_the_first_refusals_of_a_second_come_at_once() -> None:
    clock, held = Clock(), list[float]()
    brakes = Brakes(clock, held.append)
    for _ in range(AT_ONCE):
        refuse(brakes)
    assert held == []
    refuse(brakes)
    refuse(brakes)
    assert held == [HELD_SECONDS] * 2
    clock.now += 1
    refuse(brakes)
    assert len(held) == 2


def test_each_workspace_is_counted_by_itself() -> None:
    held = list[float]()
    brakes = Brakes(Clock(), held.append)
    for number in range(10 * AT_ONCE):
        refuse(brakes, f"ws_{number}")
    assert held == []


def test_other_errors_and_answers_pass() -> None:
    held = list[float]()
    brakes = Brakes(Clock(), held.append)
    for _ in range(3 * AT_ONCE):
        with brakes.on("ws_1"):
            pass
        with pytest.raises(Conflict), brakes.on("ws_1"):
            raise Conflict("Not now.")
    refuse(brakes)
    assert held == []


def test_only_some_threads_are_held() -> None:
    let_go, waiting = threading.Event(), threading.Semaphore(0)

    def hold(_: float) -> None:
        waiting.release()
        assert let_go.wait(20)

    brakes = Brakes(Clock(), hold)
    for _ in range(AT_ONCE):
        refuse(brakes)
    with ThreadPoolExecutor(MOST_HELD) as pool:
        held = [pool.submit(refuse, brakes) for _ in range(MOST_HELD)]
        for _ in range(MOST_HELD):
            assert waiting.acquire(timeout=20)
        refuse(brakes)  # all places are taken: it comes at once
        let_go.set()
        for one in held:
            one.result(20)
    refuse(brakes)
