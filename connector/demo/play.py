"""`colabel demo`: the real service of `colabel up`, with the story in a thread beside it."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from connector.db import Database
from connector.demo.client import Api
from connector.demo.labelled import Plan
from connector.demo.report import shown_path
from connector.demo.screen import Screen
from connector.demo.story import STEPS, Stage, tell
from connector.domain import accounts
from connector.errors import ColabelError, ConfigurationError, Unauthorized
from connector.listening import listen
from connector.settings import DEFAULT_PORT, Settings, load_settings
from connector.up import Started, run_up

log = logging.getLogger(__name__)

# A demo must never work on a real service's data, whatever this shell is set up for.
NOT_OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "COLABEL_STORAGE",
    "COLABEL_PUBLIC_URL",
    "COLABEL_SECRET_KEY",
)
ENDING_SECONDS = 5.0


@dataclass
class _Outcome:
    """How the story ended: `error` says why it could not be told to its end."""

    finished: bool = False
    error: str | None = None
    thread: threading.Thread | None = field(default=None)


def play(data_dir: Path, *, port: int | None, once: bool, plan: Plan | None = None) -> int:
    """Run the demo in `data_dir`; return the exit code, 1 when something failed.

    `port` of None means the usual one, or any that is free. With `once` it stops when it is done,
    else it serves until Ctrl-C.
    """
    settings = _own_settings(data_dir)
    log_file = _log_file(settings.data_dir)
    screen = Screen(STEPS)
    outcome = _Outcome()

    def on_ready(started: Started) -> None:
        outcome.thread = threading.Thread(
            target=_tell, args=(started, screen, outcome, plan or Plan(), once), daemon=True
        )
        outcome.thread.start()

    screen.say(
        "colabel demo: scanned pages, some lying on their side, are turned upright and sorted\n"
        f"by kind. Everything is kept in {shown_path(settings.data_dir)}/; "
        f"the service's log is {shown_path(log_file)}.\n"
    )
    with log_file.open("ab") as lines:
        code = run_up(settings, port=_port(port), lines=lines, welcome=_serving, on_ready=on_ready)
    if outcome.thread is not None:
        outcome.thread.join(ENDING_SECONDS)
    return _exit_code(code, outcome, once=once, log_file=log_file)


def _serving(started: Started) -> str:
    # Not the usual welcome: it shows the key, and this goes into a file.
    return f"the service runs at {started.url}"


def _own_settings(data_dir: Path) -> Settings:
    for name in NOT_OURS:
        os.environ.pop(name, None)
    os.environ["COLABEL_DATA_DIR"] = str(data_dir.expanduser().absolute())
    # What could only make good pages better would keep the processor from the pages that come.
    os.environ.setdefault("COLABEL_FINETUNE_SECONDS", "0")
    return load_settings()


def _log_file(data_dir: Path) -> Path:
    try:
        if not data_dir.exists():
            data_dir.mkdir(mode=0o700, parents=True)
        (data_dir / "logs").mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {data_dir} cannot be written to ({error.strerror}); "
            "choose another with --data."
        ) from error
    return data_dir / "logs" / "demo.log"


def _port(wanted: int | None) -> int:
    if wanted is not None:
        return wanted
    try:
        with listen("127.0.0.1", DEFAULT_PORT):
            return DEFAULT_PORT
    except ConfigurationError:
        return 0


def _tell(started: Started, screen: Screen, outcome: _Outcome, plan: Plan, once: bool) -> None:
    try:
        key_file = _key_file(started)
        screen.say(f"The service runs at {started.url}\n")
        api = Api(started.url, key_file.read_text().strip())
        tell(Stage(api, started.data_dir, key_file, screen, plan, once))
        outcome.finished = True
    except ColabelError as error:
        if not _stopped_by_somebody(started):
            outcome.error = error.detail
    except Exception as error:
        log.exception("the demo failed")
        outcome.error = f"The demo itself is broken ({type(error).__name__}: {error})."
    if once or not outcome.finished:
        started.stop()
    else:
        screen.say("\nThe service goes on until you press Ctrl-C.")


def _stopped_by_somebody(started: Started) -> bool:
    """Whether Ctrl-C is why something failed: it reaches the web process before it reaches us."""
    deadline = time.monotonic() + 1.0
    while not started.stopping() and time.monotonic() < deadline:
        time.sleep(0.05)
    return started.stopping()


def _key_file(started: Started) -> Path:
    """Return the file that holds the demo's API key, made where there is none that works."""
    path = started.data_dir / "demo.key"
    database = Database(load_settings().database)
    try:
        with database.write() as session:
            if path.exists():
                try:
                    accounts.authenticate(session, path.read_text().strip())
                    return path
                except Unauthorized:
                    log.info("the key in %s is not valid any more; making another", path)
            secret = started.first_key
            if secret is None:
                workspace = accounts.find_workspace(session)
                secret = accounts.create_key(session, workspace.id, "demo")[1]
    finally:
        database.close()
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(f"{secret}\n")
    return path


def _exit_code(code: int, outcome: _Outcome, *, once: bool, log_file: Path) -> int:
    if code:
        return code
    if outcome.finished:
        return 0
    if outcome.error is None:
        print("\nStopped before the demo was done; run it again, it goes on.", file=sys.stderr)
        return 1 if once else 0
    print(f"\n{outcome.error} The log {shown_path(log_file)} may say more.", file=sys.stderr)
    return 1
