"""The benchmarks are run by hand now and then; here they show that they still can be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.service

FOLDER = Path(__file__).parents[2] / "benchmarks"


def run(name: str, *options: str) -> str:
    command = [sys.executable, str(FOLDER / name), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_hook_is_measured() -> None:
    said = run("hook.py", "--count", "40", "--rounds", "1", "--clients", "4")
    hook = next(line for line in said.splitlines() if line.startswith("the hook"))
    per_second, ratio = hook.split()[-4], hook.split()[-1]
    assert float(per_second.replace(",", "")) > 0
    assert 0 < float(ratio) < 1


def test_acting_is_measured_and_checked() -> None:
    assert "20 moves in" in run("acting.py", "--count", "20")


def test_a_mistake_with_many_pictures_comes_back_whole() -> None:
    """The check is the script's own: it ends with an error when a byte, name or time differs."""
    said = run("undoing.py", "--count", "60", "--changed", "10")
    assert "50 undone and 10 refused of 60" in said


def test_a_burst_is_measured_next_to_an_empty_route_and_plain_jobs() -> None:
    said = run("burst.py", "--count", "40", "--plain", "20", "--clients", "4")
    rows = {line.split("  ")[0]: line.split() for line in said.splitlines() if line}
    assert {"empty Flask route", "a plain RQ job each", "colabel"} < set(rows)
    assert rows["colabel"][1] == "40"
    assert int(rows["classify"][1]) > 20


def test_every_page_is_timed_and_questions_are_answered() -> None:
    said = run(
        "pages.py", "--pictures", "200", "--reviews", "20", "--rounds", "2", "--only", "/review"
    )
    rows = [line.split() for line in said.splitlines() if line.startswith(("/", "an answer"))]
    assert {row[0]: row[1] for row in rows}["/review/card"] == "200"
    assert "until the next question is there" in said


@pytest.mark.parametrize(
    "name",
    [
        "acting.py",
        "burst.py",
        "chaos.py",
        "first_model.py",
        "many_hosts.py",
        "neighbours.py",
        "pages.py",
        "throughput.py",
        "undoing.py",
    ],
)
def test_each_says_what_it_does(name: str) -> None:
    said = run(name, "--help")
    assert f"python benchmarks/{name}" in said
