"""`colabel demo --once` from end to end: the real service, on few pages.

Of so few the models are often unsure: then the demo's person has to answer, and that way is tried
too.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]

PAGES = 12


def run_demo(data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "connector.cli", "demo", "--once", "--data", str(data)]
    few = ["--port", "0", "--examples", "36", "--pages", str(PAGES)]
    elsewhere = {
        "COLABEL_BACKBONE": "colabel_small",
        # The demo must keep away from what the shell is set up for.
        "DATABASE_URL": "postgresql://colabel@127.0.0.1:1/production",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    return subprocess.run(
        [*command, *few],
        env={**os.environ, **elsewhere},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_it_ends_with_every_page_in_a_folder_and_goes_on_next_time(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    first = run_demo(data)
    log = data / "logs" / "demo.log"
    assert first.returncode == 0, f"{first.stdout}\n{first.stderr}\n{log.read_text()[-4000:]}"
    assert first.stdout.count("held-out pages right") == 2
    totals = re.search(r"^all +(.*)$", first.stdout, re.MULTILINE)
    assert totals is not None
    sent, wrong, alone, asked, upright, placed = map(int, totals[1].split())
    assert (sent, wrong, alone + asked) == (PAGES, PAGES * 3 // 4, PAGES)
    assert upright <= PAGES
    assert placed <= PAGES
    assert first.stdout.count("\n") <= 60
    assert "\033" not in first.stdout
    assert (data / "demo.key").read_text().strip() not in log.read_text()
    assert stat.S_IMODE((data / "demo.key").stat().st_mode) == 0o600
    kept = sorted(path.name for path in (data / "sorted" / "kind of page").glob("*/*"))
    assert kept == sorted(path.name for path in (data / "sent" / "1").iterdir())

    second = run_demo(data)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "all are there already" in second.stdout
    assert second.stdout.count("version 1 is live already") == 2
    assert len(list((data / "sorted" / "kind of page").glob("*/*"))) == 2 * PAGES
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(data) in str(p.info["cmdline"])]
