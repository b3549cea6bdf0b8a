"""The supervisor, with real processes. It runs in a process of its own, as it does in service."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from connector import leash
from connector.child import Backoff, Death, ordinal

pytestmark = pytest.mark.timeout(40)

BEGINNING = """
import sys
from connector.child import Backoff, Child
from connector.output import Output
from connector.supervisor import Supervisor

python = sys.executable
output = Output(sys.stdout.buffer)
def tell(event):
    output.line("up", event.text.encode())
"""
ENDING = """
with Supervisor(children, on_event=tell, output=output, mark=sys.argv[1], **options) as supervisor:
    supervisor.run()
output.line("up", b"all over")
output.close()
"""
SLEEPER = """[python, "-c", "import time; print('awake', flush=True); time.sleep(600)"]"""


class Service:
    """A running supervisor script, its output and the processes that carry its mark."""

    def __init__(self, process: subprocess.Popen[bytes], mark: str, said: Path) -> None:
        self.process = process
        self.mark = mark
        self._said = said

    def lines(self) -> list[str]:
        return self._said.read_text().splitlines()

    def heard(self, words: str) -> list[str]:
        return [line for line in self.lines() if words in line]

    def pids(self, name: str = "") -> list[int]:
        return leash.marked(f"{self.mark}/{name}" if name else self.mark)

    def until(self, condition: Callable[[], object], seconds: float = 8.0) -> float:
        """Wait for the condition and return how long it took."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds, self.lines()
            time.sleep(0.01)
        return time.monotonic() - began

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send the signal; return how many seconds the end took."""
        self.process.send_signal(number)
        return self.until(lambda: self.process.poll() is not None, 15)


@contextmanager
def service(tmp_path: Path, children: str, options: str = "{}") -> Iterator[Service]:
    said = tmp_path / "said.txt"
    mark = f"test-{tmp_path.name}"
    script = f"{BEGINNING}\nchildren = [{children}]\noptions = {options}\n{ENDING}"
    with said.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", script, mark], stdout=stream, stderr=stream
        )
    running = Service(process, mark, said)
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        running.until(lambda: not running.pids())


def test_a_killed_child_is_back_at_once_and_the_reason_is_said(tmp_path: Path) -> None:
    with service(tmp_path, f'Child("classify", {SLEEPER})') as running:
        running.until(lambda: running.heard("classify | awake"))
        (first,) = running.pids("classify")
        psutil.Process(first).kill()
        took = running.until(lambda: len(running.heard("classify | awake")) == 2)
        assert took < 2.0
        assert running.heard(
            "classify was killed by signal 9 (SIGKILL); starting it again (1st time)"
        )
        assert first not in running.pids("classify")


def test_restarts_back_off_and_begin_anew_after_good_health(tmp_path: Path) -> None:
    child = """Child("broken", ["sh", "-c", "echo no luck; exit 3"]),
               Child("moody", ["sh", "-c", "sleep 1.6; exit 1"])"""
    options = '{"backoff": Backoff(delays=(0.05, 0.5, 0.6), healthy_after=1.2)}'
    with service(tmp_path, child, options) as running:
        running.until(lambda: len(running.heard("broken ended")) == 4)
        assert [line.split("; ")[1] for line in running.heard("broken ended")] == [
            "starting it again (1st time)",
            "starting it again in 0.5 s (2nd time)",
            "starting it again in 0.6 s (3rd time)",
            "starting it again in 0.6 s (4th time)",
        ]
        assert running.heard("broken ended with exit code 3: no luck; ")
        running.until(lambda: len(running.heard("moody ended")) == 3)
        assert not any(" in 0." in line for line in running.heard("moody ended"))


def test_the_delays_that_ship_keep_the_promise_of_five_seconds() -> None:
    delays = [Backoff().delay(deaths) for deaths in range(1, 50)]
    assert delays[0] <= 0.2
    assert max(delays) <= 4.0
    assert delays == sorted(delays)


def test_what_a_dead_child_leaves_is_ended_before_it_starts_again(tmp_path: Path) -> None:
    family = '["sh", "-c", "setsid sleep 600 & sleep 600 & echo born; wait"]'
    with service(tmp_path, f'Child("web", {family})') as running:
        running.until(lambda: running.heard("web      | born"))
        before = set(running.pids("web"))
        assert len(before) == 3
        leader = next(pid for pid in before if psutil.Process(pid).ppid() == running.process.pid)
        psutil.Process(leader).kill()
        running.until(lambda: len(running.heard("born")) == 2)
        assert before.isdisjoint(running.pids("web"))


def test_a_child_that_ignores_sigterm_is_killed_in_time(tmp_path: Path) -> None:
    deaf = """Child("deaf", ["sh", "-c", "trap '' TERM; echo set; while :; do sleep 1; done"])"""
    with service(tmp_path, deaf, '{"grace": 0.5}') as running:
        running.until(lambda: running.heard("deaf     | set"))
        assert 0.5 <= running.stop() < 3.0
        assert running.process.returncode == 0
        assert running.heard("deaf did not stop when asked to: killing it")
        assert running.lines()[-1].endswith("all over")
        assert running.pids() == []


def test_the_grace_that_ships_keeps_the_promise_of_ten_seconds() -> None:
    from connector import supervisor

    assert supervisor.GRACE + supervisor.LAST_GRACE + supervisor.REAP <= 10


def test_ctrl_c_again_kills_at_once(tmp_path: Path) -> None:
    deaf = """Child("deaf", ["sh", "-c", "trap '' TERM; echo set; while :; do sleep 1; done"])"""
    with service(tmp_path, deaf, '{"grace": 20}') as running:
        running.until(lambda: running.heard("deaf     | set"))
        running.process.send_signal(signal.SIGINT)
        running.until(lambda: running.heard("stopping everything"))
        assert running.stop(signal.SIGINT) < 3.0
        assert running.pids() == []


def test_redis_stops_after_the_workers(tmp_path: Path) -> None:
    says_bye = '["sh", "-c", "trap \'echo bye; kill $!; exit\' TERM; sleep 600 & echo set; wait"]'
    children = f'Child("redis", {says_bye}, stop_last=True), Child("act", {says_bye})'
    with service(tmp_path, children) as running:
        running.until(lambda: len(running.heard("| set")) == 2)
        running.stop()
        assert [line.split()[0] for line in running.heard("| bye")] == ["act", "redis"]
        assert not running.heard("killing it")


def test_kill_9_of_the_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    family = '["sh", "-c", "setsid sleep 600 & sleep 600 & trap \'\' TERM; echo born; wait"]'
    with service(tmp_path, f'Child("web", {family}), Child("redis", {SLEEPER})') as running:
        running.until(lambda: running.heard("born") and running.heard("awake"))
        family_tree = psutil.Process(running.process.pid).children(recursive=True)
        assert len(family_tree) == 5  # three of web, redis, and the one that sees to the rest
        running.process.kill()
        gone = running.until(lambda: not any(is_alive(process) for process in family_tree))
        assert gone < 3.0


def test_what_an_earlier_run_left_is_ended_at_the_start(tmp_path: Path) -> None:
    mark = {leash.VARIABLE: f"test-{tmp_path.name}/redis"}
    stray = subprocess.Popen(["sleep", "600"], env=mark)
    with service(tmp_path, f'Child("redis", {SLEEPER})') as running:
        running.until(lambda: running.heard("awake"))
        assert stray.wait(timeout=5) == -signal.SIGKILL


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_lines_stay_whole_and_carry_their_name(tmp_path: Path) -> None:
    writer = "import time\nfor i in range(300): print(%r * 200, flush=i %% 7 == 5)\ntime.sleep(600)"
    children = ", ".join(f'Child("{n}", [python, "-c", {writer % n!r}])' for n in ("a", "b"))
    children += ', Child("c", ["sh", "-c", "printf half; printf \' line\' >&2; sleep 600"])'
    with service(tmp_path, children) as running:
        running.until(lambda: len(running.heard("a" * 200)) + len(running.heard("b" * 200)) >= 580)
        running.stop()
        for name in ("a", "b"):
            assert set(running.heard(name * 10)) == {f"{name:<8} | {name * 200}"}
        assert running.heard("c        | half line")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (-9, "was killed by signal 9 (SIGKILL)"),
        (0, "ended by itself, without an error"),
        (2, "ended with exit code 2: out of cheese"),
    ],
)
def test_deaths_in_words(status: int, words: str) -> None:
    assert Death("x", status, 1.0, ["…", "out of cheese"]).reason() == words


def test_ordinals() -> None:
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)
    assert " ".join(map(ordinal, numbers)) == "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 101st 111th"
