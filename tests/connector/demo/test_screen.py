"""What the demo prints, on a terminal and off it."""

from __future__ import annotations

import io

import pytest

from connector.demo.client import DemoFailed, follow
from connector.demo.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(stream: io.StringIO) -> str:
    screen = Screen(2, stream)
    with screen.step("Sending") as step:
        for done in range(3):
            step.progress(done, 2, "pages")
        step.result = "2 pages"
    return stream.getvalue()


def test_a_file_gets_one_line_for_a_step() -> None:
    assert run(io.StringIO()) == "1/2  Sending: 2 pages (0.0 s)\n"


def test_a_terminal_sees_a_bar_that_gives_way_to_the_result() -> None:
    said = run(Terminal())
    assert "[##########..........] pages" in said
    assert said.endswith("\r\033[K1/2  Sending: 2 pages (0.0 s)\n")


def test_a_step_that_fails_ends_its_line() -> None:
    stream = io.StringIO()
    with pytest.raises(DemoFailed), Screen(1, stream).step("Sending"):
        raise DemoFailed("It did not work.")
    assert stream.getvalue() == "1/1  Sending\n"


def test_following_ends_when_done_and_gives_up_when_nothing_moves() -> None:
    states = iter([(False, 1), (False, 2), (True, 2)])
    follow(lambda: next(states), 5.0, "The import")
    with pytest.raises(DemoFailed, match="The import has not moved for 0 seconds"):
        follow(lambda: (False, "stuck"), 0.1, "The import")
