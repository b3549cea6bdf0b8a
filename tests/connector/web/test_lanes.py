"""Lanes to the disk: of each workspace one picture at a time, where several send."""

from __future__ import annotations

import threading

import pytest
from running import until

from connector.web import lanes as lanes_module
from connector.web.lanes import REMEMBERED_SECONDS, WIDTH, Lanes


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def inside_at_once(lanes: Lanes, workspace_id: str, count: int) -> int:
    """Let so many threads write; return how many are in at once, before any of them ends."""
    inside: list[int] = []
    over, waiting = threading.Event(), threading.Semaphore(0)

    def write() -> None:
        waiting.release()
        with lanes.of(workspace_id):
            inside.append(1)
            over.wait(20)

    threads = [threading.Thread(target=write) for _ in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        waiting.acquire()
    until(lambda: inside, 10, "one is in")
    # Whoever may come in does so now: nobody holds anything that they need.
    over.wait(0.1)
    found = len(inside)
    over.set()
    for thread in threads:
        thread.join()
    assert len(inside) == count
    return found


def test_without_neighbours_all_write_at_once() -> None:
    assert inside_at_once(Lanes(Clock()), "ws_1", 4) == 4


def test_with_a_neighbour_each_has_its_lane() -> None:
    lanes = Lanes(Clock())
    with lanes.of("ws_2"):
        assert inside_at_once(lanes, "ws_1", 4) == WIDTH
    # A full lane is nobody else's.
    with lanes.of("ws_1"):
        assert inside_at_once(lanes, "ws_2", 4) == WIDTH


def test_a_neighbour_who_is_quiet_is_forgotten() -> None:
    clock = Clock()
    lanes = Lanes(clock)
    with lanes.of("ws_2"):
        pass
    clock.now += REMEMBERED_SECONDS - 1
    assert inside_at_once(lanes, "ws_1", 3) == WIDTH
    clock.now += 2
    assert inside_at_once(lanes, "ws_1", 3) == 3


def test_an_error_leaves_the_lane_free() -> None:
    lanes = Lanes(Clock())
    with lanes.of("ws_2"):
        pass
    for _ in range(3):
        try:
            with lanes.of("ws_1"):
                raise ValueError
        except ValueError:
            continue
    assert inside_at_once(lanes, "ws_1", 1) == 1


def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "PATIENCE", 0.01)
    lanes = Lanes(Clock())
    with lanes.of("ws_2"), lanes.of("ws_1"), lanes.of("ws_1"):
        pass
    monkeypatch.undo()
    assert inside_at_once(lanes, "ws_1", 2) == WIDTH
