"""The checks of `colabel doctor`: each looks at one part and says what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import redis
from sqlalchemy.exc import SQLAlchemyError

from connector.commands.common import workers_of
from connector.db import Database
from connector.db.migrate import revisions
from connector.embedded import redis_url
from connector.errors import ColabelError, Conflict
from connector.jobs import QUEUES, connect
from connector.lock import data_folder_lock
from connector.logs import redact
from connector.settings import Settings
from connector.storage import open_bucket

PROBE_SECONDS = 120
LOW_FREE_BYTES = 2_000_000_000

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line: how it is, what was looked at, and a sentence with a way on."""

    status: Status
    part: str
    sentence: str


def run(settings: Settings) -> Iterator[Finding]:
    """Check every part, the ones that others stand on first."""
    folder = data_folder(settings)
    yield folder
    if folder.status == "fail":
        return
    yield disk(settings)
    if settings.bucket is not None:
        yield storage(settings)
    yield database(settings)
    running = service_runs(settings)
    yield service(settings, running)
    queues = redis_server(settings, running)
    yield queues
    if queues.status == "ok":
        yield workers(settings, running)
    yield from machine()


def data_folder(settings: Settings) -> Finding:
    """Is it there, and may we write to it?"""
    path = settings.data_dir
    if not path.exists():
        return Finding("warn", "data folder", f"{path} does not exist yet; `colabel up` makes it.")
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return Finding(
            "fail", "data folder", f"{path} cannot be written to; choose another with --data."
        )
    return Finding("ok", "data folder", str(path))


def disk(settings: Settings) -> Finding:
    """Is there room for pictures and models, or for what is on its way to a bucket?"""
    where, used = settings.blobs_dir, "pictures are kept"
    if settings.bucket is not None:
        where, used = settings.spool_dir, "uploads wait for their bucket"
    while not where.exists():
        where = where.parent
    free = shutil.disk_usage(where).free
    said = f"{free / 1e9:,.1f} GB free where {used}"
    if free < settings.min_free_bytes:
        return Finding(
            "fail", "disk", f"Only {said}: nothing new is taken; free some space on {where}."
        )
    if free < LOW_FREE_BYTES:
        return Finding("warn", "disk", f"Only {said}; free some space soon on {where}.")
    return Finding("ok", "disk", f"{said}.")


def storage(settings: Settings) -> Finding:
    """Can objects be written to the bucket, read back and deleted?"""
    blobs = open_bucket(settings)
    if blobs is None:
        return Finding("ok", "storage", f"{settings.blobs_dir}.")
    try:
        blobs.check()
    except ColabelError as error:
        return Finding("fail", "storage", error.detail)
    finally:
        blobs.close()
    return Finding("ok", "storage", f"{blobs.bucket}: objects can be written, read and deleted.")


def database(settings: Settings) -> Finding:
    """Does it answer, and has it this release's tables?"""
    shown = redact(settings.database)
    if settings.database.startswith("sqlite") and not settings.data_dir.exists():
        return Finding("warn", "database", "SQLite, not made yet; `colabel up` makes it.")
    opened = Database(settings.database)
    try:
        current, newest = revisions(opened)
    except (SQLAlchemyError, ColabelError) as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        return Finding(
            "fail",
            "database",
            f"{shown} does not answer ({reason}); check that it runs and DATABASE_URL is right.",
        )
    finally:
        opened.close()
    if current != newest:
        return Finding(
            "warn",
            "database",
            f"{shown} is at revision {current or 'none'}, this release needs {newest}; "
            "run `colabel db upgrade` (`colabel up` does it by itself).",
        )
    return Finding("ok", "database", f"{shown}, revision {current}.")


def service_runs(settings: Settings) -> bool:
    """Say whether a `colabel up` holds this data folder."""
    if not (settings.data_dir / "run").is_dir():
        return False
    try:
        with data_folder_lock(settings.data_dir):
            return False
    except Conflict:
        return True


def service(settings: Settings, running: bool) -> Finding:
    """Does `colabel up` run here?"""
    if running:
        return Finding("ok", "service", "`colabel up` runs on this data folder.")
    if settings.redis_url:
        return Finding("ok", "service", "Not `colabel up`: processes of their own (REDIS_URL).")
    return Finding("warn", "service", "Not running; start it with `colabel up`.")


def redis_server(settings: Settings, running: bool) -> Finding:
    """Does the Redis that rings for work answer?"""
    url = redis_url(settings)
    connection = connect(url)
    try:
        connection.ping()
    except redis.RedisError as error:
        if not settings.redis_url and not running:
            return Finding("warn", "redis", "Comes with `colabel up`, which does not run now.")
        return Finding(
            "fail",
            "redis",
            f"{redact(url)} does not answer ({error}); nothing is lost meanwhile, but nothing is "
            "done either. Start it again, or correct REDIS_URL.",
        )
    finally:
        connection.close()
    return Finding("ok", "redis", f"{redact(url)} answers.")


def workers(settings: Settings, running: bool) -> Finding:
    """Does every queue have a worker?"""
    counts = {queue: workers_of(settings, queue) or 0 for queue in QUEUES}
    said = ", ".join(f"{queue} {count}" for queue, count in counts.items())
    idle = [queue for queue, count in counts.items() if not count]
    if idle and running:
        return Finding(
            "warn",
            "workers",
            f"{said}: `colabel up` is still starting those without one, or restarts them; look "
            "again in a minute, and at its log if that does not help.",
        )
    if idle:
        commands = ", ".join(f"`colabel worker {queue}`" for queue in idle)
        return Finding(
            "fail", "workers", f"{said}: nobody works on {', '.join(idle)}; run {commands}."
        )
    return Finding("ok", "workers", f"{said}.")


def machine() -> Iterator[Finding]:
    """What this machine classifies and trains with, tried in a process of its own."""
    command = [sys.executable, "-m", "workers.probe"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    except subprocess.TimeoutExpired:
        yield Finding(
            "fail", "models", f"Loading torch and ONNX Runtime took over {PROBE_SECONDS} seconds."
        )
        return
    if not found:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Finding(
            "fail", "models", f"torch or ONNX Runtime cannot be used ({last}); run `make install`."
        )
        return
    yield _device(found["device"])
    weights = found["weights"]
    yield Finding("ok" if weights["available"] else "warn", "weights", weights["sentence"])


def _device(device: dict[str, Any]) -> Finding:
    said = (
        f"Classifies on the {_shown(device['classifies'])} (ONNX Runtime {device['onnxruntime']}), "
        f"trains on the {_shown(device['trains'])} (torch {device['torch']}); "
        f"{device['cores']} cores"
    )
    if device["gpu_present"] and "cpu" in (device["classifies"], device["trains"]):
        return Finding(
            "warn",
            "device",
            f"{said}. A GPU is there but not used: its driver may be too old for CUDA.",
        )
    return Finding("ok", "device", f"{said}.")


def _shown(device: str) -> str:
    return "GPU" if device == "cuda" else "CPU"
