"""A hung block ends its process, whoever else is being watched at the same time."""

from __future__ import annotations

import signal
import subprocess
import sys

HUNG = """
import threading
from workers.keeper import watchdog

def hang():
    with watchdog(0.5):
        threading.Event().wait()

with watchdog(60):
    threading.Thread(target=hang).start()
    # Others begin and end beside it, with more time or less: none may call the watchdog off.
    pause = threading.Event()
    while not pause.wait(0.002):
        with watchdog(30):
            pass
"""
FINE = """
import time
from workers.keeper import watchdog

with watchdog(60):
    with watchdog(0.2):
        pass
    time.sleep(0.5)
print("ended by itself")
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30
    )


def test_the_one_that_hangs_is_named_and_the_process_ended() -> None:
    done = run(HUNG)
    # The interpreter may stumble over frames that go on while it writes them down: it ends as well.
    assert done.returncode in (1, -signal.SIGSEGV)
    assert "Timeout" in done.stderr
    assert "in hang" in done.stderr


def test_one_that_ends_in_time_is_watched_no_more() -> None:
    done = run(FINE)
    assert (done.returncode, done.stdout) == (0, "ended by itself\n")
