"""gunicorn's configuration: `gunicorn -c python:connector.web.gunicorn_conf …`."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from connector.logs import setup_logging

worker_class = "gthread"
# Requests mostly wait (for the disk's sync, for ?wait=), so threads carry more than processes.
workers = int(os.environ.get("WEB_CONCURRENCY") or min(4, max(2, os.cpu_count() or 2)))
threads = 16
backlog = 2048
keepalive = 5
timeout = 60
graceful_timeout = 5  # `colabel up` waits 7 s before it kills
accesslog = None
control_socket_disable = True
# The heartbeat files: on a disk that is busy syncing pictures they could look like a hang.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def on_starting(server: Any) -> None:
    """Log through the same handler as everything else."""
    setup_logging("web")
    for name in ("gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
