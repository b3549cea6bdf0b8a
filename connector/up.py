"""`colabel up`: the whole service on one machine, in one process tree."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from alembic.util import CommandError
from sqlalchemy.exc import OperationalError

from connector.child import Child, Event
from connector.db import Database
from connector.db.migrate import upgrade
from connector.domain import links
from connector.domain.accounts import ensure_first_workspace, find_workspace
from connector.embedded import EmbeddedRedis
from connector.errors import ColabelError, ConfigurationError
from connector.jobs import QUEUES
from connector.listening import Listening, listen
from connector.lock import data_folder_lock
from connector.logs import log_format, redact, setup_logging
from connector.output import Output
from connector.secret_key import secret_key
from connector.settings import DEFAULT_PORT, Settings
from connector.storage import check_at_start
from connector.supervisor import Supervisor

log = logging.getLogger(__name__)

WSGI = "connector.web.wsgi:app"
READY_SECONDS = 60.0
WARN_OF = ("died", "killed")


@dataclass(frozen=True)
class Started:
    """A running service: how to reach it, how to get in the first time, and how to end it.

    `first_key` is the API key, given at the very first start only; `owner_link` the address that
    makes the owner's account, while there is none. `stop` asks for the end, and
    `stopping` says whether somebody has; both may be called from any thread.
    """

    url: str
    data_dir: Path
    first_key: str | None
    owner_link: str | None
    stop: Callable[[], None]
    stopping: Callable[[], bool]


def welcome_text(started: Started) -> str:
    """Say how to get in."""
    owner = (
        f"\n  Begin    {started.owner_link}"
        "\n           (makes your account; works once, `colabel person link` makes another)"
        if started.owner_link
        else ""
    )
    key = (
        f"\n  API key  {started.first_key}"
        "\n           (shown this once; `colabel key create NAME` makes another)"
        if started.first_key
        else ""
    )
    place = f"\n  Data     {started.data_dir}\n"
    return f"\ncolabel is running.\n  Open     {started.url}{owner}{key}{place}"


def run_up(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    lines: BinaryIO | None = None,
    welcome: Callable[[Started], str] = welcome_text,
    on_ready: Callable[[Started], None] | None = None,
) -> int:
    """Run everything until SIGTERM or Ctrl-C; return the exit code.

    1 means that it could not be started, for the reason that is printed. `lines` takes what all
    processes say, standard output unless given. `welcome` gives the text that is printed there
    once /healthz answers; then `on_ready` is called, in the thread that watches over the
    processes: what takes long belongs into a thread, and it must start no processes.
    """
    output = None
    try:
        output = Output(lines or sys.stdout.buffer, prefix=log_format() == "text")
        setup_logging("up", _ToOutput(output))
        _make_folder(settings.data_dir)
        with data_folder_lock(settings.data_dir), listen(host, port) as listening:
            _Up(settings, listening, output).run(welcome, on_ready)
    except ColabelError as error:
        if output is not None:
            output.close()
        print(error.detail, file=sys.stderr)
        return 1
    output.close()
    return 0


class _Up:
    """One run of the service."""

    def __init__(self, settings: Settings, listening: Listening, output: Output) -> None:
        self._settings = settings
        self._listening = listening
        self._output = output

    def run(
        self, welcome: Callable[[Started], str], on_ready: Callable[[Started], None] | None
    ) -> None:
        """Start, in the order in which one part needs another, and watch until the end."""
        check_at_start(self._settings)
        first_key, owner_path = _prepare_database(self._settings)
        server = None if self._settings.redis_url else EmbeddedRedis(self._settings.data_dir)
        env = self._environment(server.url if server else self._settings.redis_url)
        first = [server.child()] if server else []
        # The folder's name is the mark: what an earlier run may have left is found by it.
        mark = hashlib.sha256(bytes(self._settings.data_dir.resolve())).hexdigest()[:16]
        try:
            with Supervisor(first, on_event=_log, output=self._output, mark=mark) as supervisor:
                if self._start(supervisor, env):
                    started = Started(
                        url=self._listening.url,
                        data_dir=self._settings.data_dir,
                        first_key=first_key,
                        owner_link=self._public_url() + owner_path if owner_path else None,
                        stop=supervisor.request_stop,
                        stopping=lambda: supervisor.stop_requested,
                    )
                    self._output.text(welcome(started))
                    if on_ready is not None:
                        on_ready(started)
                    supervisor.run()
        finally:
            if server is not None:
                server.forget()

    def _start(self, supervisor: Supervisor, env: Mapping[str, str]) -> bool:
        supervisor.start(self._web(env))
        # The workers load heavy libraries: first let the web process answer.
        if not supervisor.wait_ready(READY_SECONDS):
            return False
        for child in _background(self._settings, env):
            supervisor.start(child)
        return True

    def _public_url(self) -> str:
        """Where people reach it, as far as the settings say."""
        known = "public_url" in self._settings.model_fields_set
        return self._settings.public_url if known else self._listening.url

    def _environment(self, redis_url: str) -> dict[str, str]:
        env = {
            "COLABEL_DATA_DIR": str(self._settings.data_dir),
            "COLABEL_SECRET_KEY": secret_key(self._settings),
            "REDIS_URL": redis_url,
            "PYTHONUNBUFFERED": "1",
        }
        env["COLABEL_PUBLIC_URL"] = self._public_url()
        if sys.dont_write_bytecode:
            # Compiling everything anew triples the time that each restart takes (8 s with torch).
            env["PYTHONDONTWRITEBYTECODE"] = ""
            env["PYTHONPYCACHEPREFIX"] = str(self._settings.data_dir / "run" / "pycache")
        return env

    def _web(self, env: Mapping[str, str]) -> Child:
        descriptor = self._listening.descriptor
        command = ["gunicorn", "--config", "python:connector.web.gunicorn_conf"]
        return Child(
            name="web",
            argv=[sys.executable, "-m", *command, "--bind", f"fd://{descriptor}", WSGI],
            env=env,
            ready=self._listening.healthy,
            pass_fds=(descriptor,),
        )


def _background(settings: Settings, env: Mapping[str, str]) -> Iterator[Child]:
    for queue in QUEUES:
        argv = [sys.executable, "-m", "connector.cli", "worker", queue]
        yield Child(name=queue, argv=argv, env=env)
    for name in ("clock", "watch", *(["slack"] if settings.slack_app_token else [])):
        yield Child(name=name, argv=[sys.executable, "-m", "connector.cli", name], env=env)


def _prepare_database(settings: Settings) -> tuple[str | None, str | None]:
    """Bring the tables up to date; return the first key if this is the first start, and the path
    of the link that makes the owner's account while there is none.

    Raises ConfigurationError when the database cannot be used.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    database = Database(settings.database)
    try:
        upgrade(database)
        with database.write() as session:
            first_key = ensure_first_workspace(session)
            made = links.first_owner(session, find_workspace(session).id)
            return first_key, None if made is None else made.path
    except OperationalError as error:
        raise ConfigurationError(
            f"The database {redact(settings.database)} cannot be used ({error.orig}); "
            "check that it runs and that DATABASE_URL is right."
        ) from error
    except CommandError as error:
        raise ConfigurationError(
            f"The tables in {redact(settings.database)} are not known to this release ({error}); "
            "install the release of colabel that made them, or a newer one."
        ) from error
    finally:
        database.close()


def _make_folder(data_dir: Path) -> None:
    try:
        if not data_dir.exists():
            data_dir.mkdir(mode=0o700, parents=True)
        (data_dir / "run").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {data_dir} cannot be written to ({error.strerror}); "
            "choose another with --data or COLABEL_DATA_DIR."
        ) from error


def _log(event: Event) -> None:
    log.log(logging.WARNING if event.kind in WARN_OF else logging.INFO, "%s", event.text)


class _ToOutput(logging.Handler):
    """Sends our own log the way that the children's lines take."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        for line in self.format(record).splitlines():
            self._output.line("colabel", line.encode(errors="replace"))
