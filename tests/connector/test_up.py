"""`colabel up`'s engine, with a small web application: the real one has its own tests."""

from __future__ import annotations

import logging
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path

import psutil
import pytest
from redis import Redis

from connector.listening import listen
from connector.settings import load_settings
from connector.up import run_up

pytestmark = pytest.mark.timeout(60)

APPLICATION = """
import os
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getppid()} {os.environ['COLABEL_PUBLIC_URL']}".encode()]
"""
RUN = """
import sys
from pathlib import Path
from connector import up
from connector.settings import load_settings

up.WSGI, up.QUEUES = "application:app", ()
def note(started):
    Path(sys.argv[2]).write_text(f"{started.url} {started.first_key}")
sys.exit(up.run_up(load_settings(data_dir=sys.argv[1]), port=0, on_ready=note))
"""


@pytest.fixture
def own_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook
    yield
    root.handlers[:], level, sys.excepthook = before
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.usefixtures("own_logging")
class TestRefusals:
    def test_a_taken_port(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        with listen("127.0.0.1", 0) as taken:
            assert run_up(load_settings(data_dir=tmp_path), port=taken.port) == 1
        assert f"Port {taken.port} on 127.0.0.1 is in use" in capfd.readouterr().err

    def test_a_folder_that_cannot_be(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        assert run_up(load_settings(data_dir=tmp_path / "file" / "data"), port=0) == 1
        assert "cannot be written to (Not a directory)" in capfd.readouterr().err

    def test_a_database_that_is_away(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        away = load_settings(
            data_dir=tmp_path, database_url="postgresql://colabel:hunter2@127.0.0.1:1/colabel"
        )
        assert run_up(away, port=0) == 1
        said = capfd.readouterr().err
        assert "check that it runs and that DATABASE_URL is right" in said
        assert "hunter2" not in said

    def test_a_bad_setting(
        self,
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("COLABEL_LOG_FORMAT", "xml")
        assert run_up(load_settings(data_dir=tmp_path), port=0) == 1
        assert "COLABEL_LOG_FORMAT has a bad value ('xml')" in capfd.readouterr().err


class Service:
    def __init__(self, process: subprocess.Popen[bytes], note: Path) -> None:
        self.process = process
        until(lambda: note.exists() and note.read_text().count(" ") == 1, 30)
        self.url, self.first_key = note.read_text().split()

    def get(self) -> str:
        """Return what the web application knows: its main process and the service's URL."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def serving_pid(self) -> str | None:
        """Return the main web process; None if a request breaks off. It may never be refused."""
        try:
            return self.get().split()[0]
        except (ConnectionResetError, RemoteDisconnected):
            return None


def until(condition: Callable[[], object], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "application.py").write_text(APPLICATION)
    note = tmp_path / "note.txt"
    note.unlink(missing_ok=True)
    command = [sys.executable, "-c", RUN, str(tmp_path / "data"), str(note)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        # A worker that is told to stop while it starts misses that: then the wait is short.
        "GUNICORN_CMD_ARGS": "--workers=1 --graceful-timeout=1",
    }
    with (tmp_path / "said.txt").open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        yield Service(process, note)
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0, (tmp_path / "said.txt").read_text()


@pytest.mark.service
def test_it_starts_heals_stops_and_starts_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with service(tmp_path) as first:
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert first.first_key.startswith("clbl_")
        tree = psutil.Process(first.process.pid).children(recursive=True)

        pid, public_url = first.get().split()
        assert public_url == first.url
        os.kill(int(pid), signal.SIGKILL)
        until(lambda: first.serving_pid() not in (None, pid, str(first.process.pid)))

        address = (data / "run" / "redis.url").read_text().strip()
        with Redis.from_url(address) as redis:
            assert redis.set("bell", "rung")
        said = (tmp_path / "said.txt").read_text()
        assert first.first_key in said
        assert "web was killed by signal 9 (SIGKILL); starting it again (1st time)" in said
    assert any((data / "run" / "pycache").rglob("application.*.pyc"))
    assert not any(process.is_running() for process in tree)
    assert not (data / "run" / "redis.url").exists()

    with service(tmp_path) as second:
        assert second.first_key == "None"
        with Redis.from_url(address) as redis:
            assert redis.get("bell") == b"rung"
