"""`colabel up` as a whole: what runs, what it refuses, how it ends, what it keeps."""

from __future__ import annotations

import subprocess
import sys
import time
from http.client import HTTPException
from pathlib import Path

import psutil
import pytest
from running import CHILDREN, STOP_SECONDS, UP, Prepared, Service, free_port, running, until
from storm import Sent, Storm

pytestmark = [pytest.mark.service, pytest.mark.timeout(120)]

HEAVY = ("libtorch", "onnxruntime", "/sklearn/", "/scipy/")


class TestOneService:
    def test_all_parts_run(self, shared_service: Service) -> None:
        assert set(shared_service.children()) == set(CHILDREN)
        assert shared_service.request("GET", "/readyz")[1]["status"] == "ready"

    def test_the_web_answers_within_two_seconds_of_its_start(self, shared_service: Service) -> None:
        # A machine that is busy with other things gets more, by how slow it is just now.
        assert shared_service.web_seconds < max(2.0, 5 * _seconds_to_import_the_libraries())

    def test_the_web_has_loaded_no_machine_learning(self, shared_service: Service) -> None:
        web = until(lambda: shared_service.children().get("web"), 5, "web runs")
        serving = web.children()
        assert serving
        assert shared_service.request("GET", "/api/v1/openapi.json")[0] == 200
        for process in [web, *serving]:
            loaded = Path(f"/proc/{process.pid}/maps").read_text()
            assert "libpython" in loaded or "python" in loaded
            assert [name for name in HEAVY if name in loaded] == []

    def test_a_second_one_on_the_same_folder_is_refused(self, shared_service: Service) -> None:
        where = ["--data", str(shared_service.prepared.data_dir), "--port", str(free_port())]
        second = subprocess.run([*UP, *where], capture_output=True, text=True, timeout=30)
        assert second.returncode == 1
        assert "colabel is already running on" in second.stderr
        assert f"(process {shared_service.process.pid})" in second.stderr
        assert "Traceback" not in second.stderr
        assert shared_service.request("GET", "/healthz")[0] == 200

    @pytest.mark.parametrize("name", sorted(CHILDREN))
    def test_what_dies_runs_again_within_five_seconds(
        self, shared_service: Service, name: str
    ) -> None:
        before = until(lambda: shared_service.children().get(name), 5, f"{name} runs")
        before.kill()

        def again() -> bool:
            now = shared_service.children().get(name)
            return now is not None and now.pid != before.pid

        until(again, 5, f"{name} runs again")


def test_it_stops_within_ten_seconds_with_work_in_hand_and_leaves_nothing(
    prepared: Prepared,
) -> None:
    with running(prepared) as service:
        for number in range(30):
            sent = Sent(number)
            path = prepared.hook_path
            assert service.request("POST", path, sent.data(), sent.headers())[0] == 202
        assert service.stop() < STOP_SECONDS
    left = {path.name for path in (prepared.data_dir / "run").iterdir()}
    assert not left & {"redis.url", "redis.sock"}
    assert not [name for name in left if name.startswith("metrics-")]
    assert not list(prepared.data_dir.rglob("*.part"))


def test_killed_whole_and_started_again_it_finishes_what_it_accepted(prepared: Prepared) -> None:
    with running(prepared) as first:
        storm = Storm(first, count=60, seconds=0.5)
        storm.make_rules()
        storm.rage()
        first.kill()
    with running(prepared) as second:
        storm.service = second
        storm.settle(30)
        storm.check()


def test_killed_alone_it_takes_its_processes_with_it(prepared: Prepared) -> None:
    with running(prepared) as service:
        tree = service.tree()
        service.kill()
        with pytest.raises((OSError, HTTPException)):
            service.request("GET", "/healthz", timeout=1)
        assert not [process for process in tree if process.is_running()]
        _no_other_has_the_folder_open(prepared.data_dir)


def _seconds_to_import_the_libraries() -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import flask, sqlalchemy.orm, redis"], check=True)
    return time.monotonic() - started


def _no_other_has_the_folder_open(data_dir: Path) -> None:
    for process in psutil.process_iter():
        try:
            held = [file.path for file in process.open_files()]
        except psutil.Error:
            continue
        if process.pid != psutil.Process().pid:
            assert not [path for path in held if path.startswith(str(data_dir))], process
    assert sys.platform == "linux"
