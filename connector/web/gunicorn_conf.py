"""How gunicorn serves the web process: a few processes of threads, quick to stop."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from connector.logs import adopt_loggers, setup_logging
from connector.settings import load_settings

worker_class = "gthread"
workers = 2
# Most threads wait: for a disk's sync, for an address, for a prediction that was asked to wait.
threads = 24
preload_app = False
timeout = 90
graceful_timeout = 5
keepalive = 30
SWITCH_SECONDS = 0.0005
backlog = 1024
# The heartbeat file: on a disk, a slow sync could make a healthy worker look dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
limit_request_line = 8190
accesslog = None
control_socket_disable = True

_METRICS = load_settings().data_dir / "run" / f"metrics-{os.getpid()}"
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(_METRICS))


def on_starting(server: Any) -> None:
    """Log like everything else; make the folder of the counters, which web processes share.

    Everything is imported here once, before the fork: the web processes then start in no time,
    and again at once when one dies. Nothing is opened yet; each process does that for itself.
    """
    setup_logging("web")
    adopt_loggers("gunicorn.error", "gunicorn.access")
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    for old in folder.parent.glob("metrics-*"):
        # Another web process on the same data may be alive and counting.
        if not _is_alive(int(old.name.removeprefix("metrics-"))):
            shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    importlib.import_module("connector.web.app")


def post_fork(server: Any, worker: Any) -> None:
    """Let threads take turns more often than by default (5 ms).

    A request waits for a disk a dozen times, and after each it would wait for its turn again.
    """
    sys.setswitchinterval(SWITCH_SECONDS)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def child_exit(server: Any, worker: Any) -> None:
    """Let the counters of a process that ended count on."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
