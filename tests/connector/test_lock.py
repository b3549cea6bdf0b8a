"""One service per data folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connector.errors import Conflict
from connector.lock import data_folder_lock

HOLD = """
import subprocess, sys
from pathlib import Path
from connector.lock import data_folder_lock
with data_folder_lock(Path(sys.argv[1])):
    child = subprocess.Popen(["sleep", "600"], close_fds=False)
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def test_the_second_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        left_behind = int(holder.stdout.readline())
        try:
            with pytest.raises(Conflict) as refused, data_folder_lock(tmp_path):
                pass
            assert f"already running on {tmp_path} (process {holder.pid})" in refused.value.detail
            assert "--data" in refused.value.detail
            holder.kill()
            holder.wait()
            with data_folder_lock(tmp_path):  # though its child, made without care, still lives
                pass
        finally:
            subprocess.run(["kill", "-9", str(left_behind)], check=True)


def test_it_can_be_taken_again(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for _ in range(2):
        with data_folder_lock(tmp_path), pytest.raises(Conflict), data_folder_lock(tmp_path):
            pass
    assert (tmp_path / "run" / "up.lock").read_text() == ""
