"""What the sub-commands share: options, an opened service, and work done here if nowhere else."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from connector.checkup.processes import workers_of
from connector.db import Database
from connector.db.migrate import revisions, upgrade
from connector.domain import accounts, audit_log
from connector.domain.audit_log import Actor
from connector.embedded import redis_url
from connector.errors import ColabelError, ConfigurationError
from connector.jobs import Bells, connect
from connector.settings import Settings, load_settings
from connector.storage import Blobs, open_blobs

F = TypeVar("F", bound=Callable[..., Any])

POLL_SECONDS = 0.2
# A worker that is there and free takes work up sooner than this.
PATIENCE_SECONDS = 6.0


def _set_data_dir(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        # Into the environment, so that processes we start find the same folder.
        os.environ["COLABEL_DATA_DIR"] = str(value.expanduser().absolute())


def data_option(command: F) -> F:
    """Add --data DIR, which wins over COLABEL_DATA_DIR."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        callback=_set_data_dir,
        expose_value=False,
        help="The data folder (default: COLABEL_DATA_DIR, or ./colabel-data).",
    )(command)


def workspace_option(command: F) -> F:
    """Add --workspace NAME."""
    return click.option(
        "--workspace", metavar="NAME", help="The workspace (default: the first one)."
    )(command)


@dataclass(frozen=True)
class Service:
    """The parts of the service, opened for one command."""

    settings: Settings
    database: Database
    blobs: Blobs
    bells: Bells

    def workspace_id(self, name: str | None) -> str:
        """Return the id of the named workspace, or of the first. Raises NotFound."""
        with self.database.read() as session:
            return accounts.find_workspace(session, name).id


@contextmanager
def open_service() -> Iterator[Service]:
    """Open the service on its data folder; a new one is made ready, as `colabel up` does it.

    Raises ConfigurationError when a server's database is not up to date.
    """
    settings = load_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    bells = Bells(connect(redis_url(settings)))
    database = Database(settings.database, ring=bells.ring)
    try:
        _make_ready(database)
        with audit_log.acting(_somebody_here()):
            yield Service(settings, database, open_blobs(settings), bells)
    finally:
        database.close()


def _somebody_here() -> Actor:
    """Return whoever sits at this terminal, by the name that the system knows."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # No account has this number, as in many containers.
        name = f"user {os.getuid()}"
    return Actor("cli", f"{name}@{socket.gethostname()}")


def _make_ready(database: Database) -> None:
    current, newest = revisions(database)
    if current != newest:
        if not database.is_sqlite:
            raise ConfigurationError(
                f"The database is at revision {current or 'none'}, this release needs {newest}; "
                "run `colabel db upgrade`."
            )
        upgrade(database)
    with database.write() as session:
        secret = accounts.ensure_first_workspace(session)
    if secret is not None:
        click.echo(f"Made the first workspace. Its API key, shown this once: {secret}", err=True)


@contextmanager
def _burst(queue: str, slow: bool) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Do what waits in `queue` in a process of our own, ended with the block."""
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "workers.main", queue, "--burst"]
        command += ["--slow"] if slow else []
        with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
            try:
                yield process, log
            finally:
                process.terminate()


def work_until(
    service: Service,
    queue: str,
    finished: Callable[[], bool],
    started: Callable[[], bool],
    *,
    slow: bool = False,
) -> None:
    """Wait until `finished`; when no worker takes the work up, do it in a process of our own.

    `slow` says that it takes minutes, which such a process leaves out unless it is told.

    `started` says whether somebody works on it (or on something that comes before it). Doing it
    twice does no harm: whoever claims it first does it. Raises ColabelError when our own process
    ended without finishing it.
    """
    service.bells.ring(queue)
    until = time.monotonic() + (PATIENCE_SECONDS if workers_of(service.settings, queue) else 0)
    while time.monotonic() < until or started():
        if finished():
            return
        time.sleep(POLL_SECONDS)
    while not finished():
        with _burst(queue, slow) as (process, log):
            while process.poll() is None:
                if finished():
                    return
                time.sleep(POLL_SECONDS)
            if process.returncode or not (finished() or started()):
                raise ColabelError(_last_words(queue, process.returncode, log))
        # Somebody else has it after all.
        while started() and not finished():
            time.sleep(POLL_SECONDS)


def _last_words(queue: str, code: int, log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    said = f" It said: {lines[-1]}" if lines else ""
    return (
        f"The {queue} worker ended (exit code {code}) before the work was done.{said} "
        "Run `colabel doctor` to find out why."
    )
