"""The house that the contract test of the Zapier app is run against, and what it may ask for.

The app's side runs in Node. What it cannot do over the API (start things anew, end a key) it asks
of a small server on loopback in this process.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.error import URLError
from urllib.request import urlopen

import redis
from click.testing import CliRunner
from colours import add_version, colour_classifier, picture
from running import QUICK, Prepared, Service, free_port, until

from connector.cli import cli
from connector.db.tables import Classifier
from connector.domain import accounts
from connector.settings import load_settings
from connector.storage import open_blobs

CLI = (sys.executable, "-m", "connector.cli")
# What the guide tells people to give a key for Zapier.
ZAPIER_SCOPES = ("ingest", "read", "review", "subscribe")
# Receivers, callback addresses and picture addresses of the test are all on loopback.
ENVIRONMENT = {"COLABEL_ALLOW_PRIVATE_ADDRESSES": "127.0.0.1"}
HEALTHY_SECONDS = LIMITED_STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Cast:
    """Who takes part: two classifiers of Alice's, and keys."""

    classifier_id: str
    acting_id: str
    charlies_classifier_id: str
    charlies_key: str
    key_to_revoke: str


def furnish(prepared: Prepared) -> Cast:
    """Add to the colour classifier a second version, one for rules, and Charlie's workspace.

    Nothing trains by itself, so that the answers are the same from beginning to end.
    """
    blobs = open_blobs(load_settings(data_dir=prepared.data_dir))
    database = prepared.database()
    with database.write() as session:
        main = session.get_one(Classifier, prepared.classifier_id)
        add_version(session, blobs, main, 2)
        acting = colour_classifier(session, blobs, prepared.workspace_id, name="Parcels")
        theirs = accounts.create_workspace(session, "Charlie's workspace")
        foreign = colour_classifier(session, blobs, theirs.id, name="Charlie's colours")
        _, charlies_key = accounts.create_key(session, theirs.id, "Charlie's", ZAPIER_SCOPES)
        _, ours = accounts.create_key(session, prepared.workspace_id, "Short-lived", ZAPIER_SCOPES)
        for classifier in (main, acting, foreign):
            classifier.auto_train = False
        cast = Cast(main.id, acting.id, foreign.id, charlies_key, ours)
    database.close()
    return cast


def zapier_key(prepared: Prepared, name: str) -> str:
    """Make a key as the guide says, by the command line, and return its secret."""
    scopes = [part for scope in ZAPIER_SCOPES for part in ("--scope", scope)]
    # The command puts the data folder into the environment of its process, which is this one.
    with patch.dict(os.environ):
        done = CliRunner().invoke(
            cli, ["key", "create", name, *scopes, "--data", str(prepared.data_dir)]
        )
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


@dataclass
class House:
    """A running service, and what is done to it from outside."""

    service: Service
    _limited: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _seeds: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def picture(self, colour: str) -> bytes:
        """Return a picture that no other one looks like."""
        return picture(colour, seed=next(self._seeds))

    def warm(self) -> None:
        """Wait until a picture is answered: workers load for longer than a step may take."""
        path = f"/api/v1/classifiers/{self.service.prepared.classifier_id}/predictions?wait=60"
        kind = {"Content-Type": "image/png"}
        status, shown = self.service.request("POST", path, self.picture("red"), kind, timeout=90)
        assert (status, shown["status"]) == (200, "done"), shown

    def restart(self, *, crash: bool, flush: bool) -> dict[str, Any]:
        """Stop everything, by `kill -9` or in order, and start it anew; Redis may be emptied."""
        with self._lock:
            if flush:
                self._flush()
            if crash:
                self.service.kill()
            else:
                self.service.stop()
            self.service.start()
            self.warm()
        return {}

    def _flush(self) -> None:
        address = (self.service.prepared.data_dir / "run" / "redis.url").read_text().strip()
        with redis.Redis.from_url(address) as client:
            client.flushall()

    def revoke(self, key: str) -> dict[str, Any]:
        """End the key with this secret."""
        with closing(self.service.prepared.database()) as database, database.write() as session:
            principal = accounts.authenticate(session, key)
            accounts.revoke_key(session, principal.workspace_id, principal.key_id)
        return {}

    def limited(self, per_minute: int) -> dict[str, Any]:
        """Start a further web process of the service that lets in only so many pictures."""
        port = free_port()
        where = ["--data", str(self.service.prepared.data_dir), "--port", str(port)]
        url = f"http://127.0.0.1:{port}"
        settings = {"COLABEL_MAX_RATE": str(per_minute), "COLABEL_PUBLIC_URL": url}
        # What the service has compiled already, where nothing is compiled beside the sources.
        compiled = self.service.prepared.data_dir / "run" / "pycache"
        settings |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(compiled)}
        with self.service.said.open("ab") as said:
            web = subprocess.Popen(
                [*CLI, "web", *where],
                env={**os.environ, **QUICK, **ENVIRONMENT, **settings},
                stdout=said,
                stderr=said,
            )
        self._limited.append(web)
        until(lambda: web.poll() is not None or _healthy(url), HEALTHY_SECONDS, "/healthz answers")
        assert web.poll() is None, self.service.said.read_text()[-3000:]
        return {"url": url}

    def close(self) -> None:
        """End what was started beside the service."""
        for web in self._limited:
            web.send_signal(signal.SIGTERM)
        for web in self._limited:
            assert web.wait(LIMITED_STOP_SECONDS) == 0


def _healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


@contextmanager
def attended(house: House) -> Iterator[str]:
    """Serve what the app's side may ask for; yield the address.

    `GET /pictures/COLOUR` gives a new picture, `POST /restart`, `/revoke` and `/limited` take the
    arguments of the method of that name as JSON.
    """
    may: dict[str, Callable[..., dict[str, Any]]] = {
        "/restart": house.restart,
        "/revoke": house.revoke,
        "/limited": house.limited,
    }

    class Desk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            colour = Path(self.path).name
            self._answer(200, "image/png", house.picture(colour))

        def do_POST(self) -> None:
            said = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                done = may[self.path](**json.loads(said))
            except BaseException:  # noqa: BLE001 - whoever asked shows it
                self._answer(500, "text/plain", traceback.format_exc().encode())
                return
            self._answer(200, "application/json", json.dumps(done).encode())

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        house.close()
