"""How large a batch may be, whoever sends."""

from __future__ import annotations

from workers.pace import LEAST, REMEMBERED_SECONDS, SHARED_SECONDS, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_one_workspace_alone_gets_whole_batches() -> None:
    pace = Pace(Clock())
    assert pace.limit(32) == 32
    for _ in range(5):
        pace.saw({"ws_1"}, 32, 3.2)
    assert pace.limit(32) == 32


def test_two_share_batches_that_are_soon_over() -> None:
    pace = Pace(Clock())
    pace.saw({"ws_1", "ws_2"}, 20, 20 * SHARED_SECONDS / 10)
    assert pace.limit(32) == 10


def test_fast_models_get_whole_batches_all_the_same() -> None:
    pace = Pace(Clock())
    pace.saw({"ws_1", "ws_2"}, 32, SHARED_SECONDS / 10)
    assert pace.limit(32) == 32


def test_a_slow_model_still_gets_a_few_at_once() -> None:
    pace = Pace(Clock())
    pace.saw({"ws_1", "ws_2"}, 1, 20 * SHARED_SECONDS)
    assert pace.limit(32) == LEAST
    assert pace.limit(2) == 2


def test_a_neighbour_who_is_quiet_is_forgotten() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.saw({"ws_1", "ws_2"}, 10, 1.0)
    assert pace.limit(32) < 32
    clock.now += REMEMBERED_SECONDS - 1
    pace.saw({"ws_1"}, 10, 1.0)
    assert pace.limit(32) < 32
    clock.now += 2
    assert pace.limit(32) == 32


def test_it_follows_what_pictures_take() -> None:
    pace = Pace(Clock())
    pace.saw({"ws_1", "ws_2"}, 1, SHARED_SECONDS)
    assert pace.limit(32) == LEAST
    for _ in range(40):
        pace.saw({"ws_1", "ws_2"}, 10, SHARED_SECONDS)
    assert pace.limit(32) == 10


def test_batches_of_short_lines_are_not_two_in_a_row() -> None:
    pace = Pace(Clock())
    assert pace.express
    pace.saw({"ws_1"}, 1, 0.01, express=True)
    assert not pace.express
    pace.saw({"ws_1", "ws_2"}, 8, 0.03)
    assert pace.express


def test_a_batch_of_short_lines_does_not_say_what_a_picture_takes() -> None:
    pace = Pace(Clock())
    pace.saw({"ws_1", "ws_2"}, 10, SHARED_SECONDS)
    for _ in range(20):
        pace.saw({"ws_2"}, 1, SHARED_SECONDS, express=True)
    assert pace.limit(32) == 10
