"""A real `colabel up` with the colour model live in it, for tests that need whole processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from colours import colour_classifier

from connector.db import Database
from connector.db.migrate import upgrade
from connector.domain import accounts, classifiers
from connector.leash import VARIABLE
from connector.listening import listen
from connector.settings import load_settings
from connector.storage import open_blobs

UP = (sys.executable, "-m", "connector.cli", "up")
CHILDREN = ("redis", "web", "classify", "act", "deliver", "train", "clock", "watch")
# Recovery after a crash is a matter of these; the defaults are easier on an idle machine.
QUICK = {"COLABEL_LEASE_SECONDS": "2", "COLABEL_CLOCK_SECONDS": "0.5"}
# Nothing is to be downloaded, and a fine-tuning of minutes is not what is looked at.
BOXED = {"COLABEL_BACKBONE": "colabel_small", "COLABEL_FINETUNE_SECONDS": "0"}
START_SECONDS = 60.0
STOP_SECONDS = 10.0
# On a busy machine even that can take longer; only the tests of `up` itself hold it to its promise.
PATIENCE_SECONDS = 30.0


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Ask again and again until `condition` is true, and return what it gave."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}"
        time.sleep(0.02)
    return value


@dataclass(frozen=True)
class Prepared:
    """A data folder with the colour classifier live, and how to get in."""

    data_dir: Path
    workspace_id: str
    classifier_id: str
    key: str
    hook_path: str

    def database(self) -> Database:
        """Open the folder's database; close it after use."""
        return Database(load_settings(data_dir=self.data_dir).database)


def prepare(data_dir: Path) -> Prepared:
    """Make the data folder with the colour classifier, before any process runs on it."""
    data_dir.mkdir(parents=True, mode=0o700)
    settings = load_settings(data_dir=data_dir)
    database = Database(settings.database)
    upgrade(database)
    with database.write() as session:
        key = str(accounts.ensure_first_workspace(session))
        workspace_id = accounts.authenticate(session, key).workspace_id
        classifier = colour_classifier(session, open_blobs(settings), workspace_id)
        hook = classifiers.source(session, classifier, "hook")
        prepared = Prepared(data_dir, workspace_id, classifier.id, key, f"/hooks/{hook.token}")
    database.close()
    return prepared


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with listen("127.0.0.1", 0) as listening:
        return listening.port


@dataclass
class Service:
    """One `colabel up` on a prepared folder. Use `running()` to have it ended."""

    prepared: Prepared
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    command: Sequence[str] = UP
    process: subprocess.Popen[bytes] = field(init=False)
    # How long the web process took from its start to the first answer.
    web_seconds: float = 0.0

    @property
    def url(self) -> str:
        """The service's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> Path:
        """The file that everything printed goes to."""
        return self.prepared.data_dir.parent / f"{self.prepared.data_dir.name}.log"

    def start(self) -> None:
        """Start it and wait until all its processes run and /healthz answers."""
        where = ["--data", str(self.prepared.data_dir), "--port", str(self.port)]
        with self.said.open("ab") as said:
            self.process = subprocess.Popen(
                [*self.command, *where],
                env={**os.environ, **QUICK, **BOXED, **self.environment},
                stdout=said,
                stderr=said,
            )
        until(self._healthy, START_SECONDS, "/healthz answers")
        self.web_seconds = time.time() - self.children()["web"].create_time()
        until(lambda: set(self.children()) == set(CHILDREN), START_SECONDS, "all processes run")

    def _healthy(self) -> bool:
        assert self.process.poll() is None, self.said.read_text()
        try:
            return self.request("GET", "/healthz", timeout=2)[0] == 200
        except (OSError, HTTPException):
            return False

    def children(self) -> dict[str, psutil.Process]:
        """Return the processes that `up` watches over, by name, as they are now."""
        found = {}
        for process in psutil.Process(self.process.pid).children():
            try:
                name = _name(process)
            except psutil.Error:
                continue
            if name is not None:
                found[name] = process
        return found

    def tree(self) -> list[psutil.Process]:
        """Return every process of the service, `up` itself first."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        timeout: float = 10,
    ) -> tuple[int, dict[str, Any]]:
        """Send one request with Alice's key; return the status and the JSON that came back.

        Raises OSError and HTTPException as they come.
        """
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=timeout)
        try:
            connection.request(
                method,
                path,
                body,
                {"Authorization": f"Bearer {self.prepared.key}", **(headers or {})},
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def call(self, method: str, path: str, value: dict[str, Any]) -> dict[str, Any]:
        """Send JSON to the API and return what it answers, which must not be an error."""
        headers = {"Content-Type": "application/json"}
        status, answer = self.request(method, path, json.dumps(value).encode(), headers)
        assert status < 300, answer
        return answer

    def kill(self) -> None:
        """End `up` alone, as `kill -9` does; what it leaves must end by itself."""
        tree = self.tree()
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        _, alive = psutil.wait_procs(tree, timeout=STOP_SECONDS)
        assert not alive, f"these outlived their service: {alive}"

    def stop(self) -> float:
        """Ask it to stop, which must leave nothing. Return the seconds it took."""
        tree = self.tree()
        started = time.monotonic()
        self.process.terminate()
        assert self.process.wait(PATIENCE_SECONDS) == 0, self.said.read_text()
        taken = time.monotonic() - started
        assert not [process for process in tree if process.is_running()]
        return taken


def _name(process: psutil.Process) -> str | None:
    member_of = process.environ().get(VARIABLE, "")
    if process.name() == "redis-server":
        # It writes its title over its environment.
        return "redis"
    return member_of.partition("/")[2] or None


@contextmanager
def running(prepared: Prepared, **options: Any) -> Iterator[Service]:
    """Run the service for the length of the block, and see that nothing of it is left."""
    service = Service(prepared, **options)
    try:
        service.start()
        yield service
        if service.process.poll() is None:
            service.stop()
    except BaseException:
        if service.said.exists():
            print(service.said.read_text()[-6000:], file=sys.stderr)
        _end(service)
        raise


def _end(service: Service) -> None:
    if hasattr(service, "process") and service.process.poll() is None:
        for process in service.tree():
            process.kill()
        service.process.wait()
