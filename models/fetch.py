"""Fetch a weights file from the internet: a bounded attempt, checked by its hash."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import requests

from models.errors import WeightsMissing

log = logging.getLogger(__name__)

CONNECT_SECONDS = 8.0
TOTAL_SECONDS = 900.0
_STALLED_SECONDS = 10.0

Progress = Callable[[int, int], None]


def fetch(
    url: str,
    folder: Path,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    total_seconds: float = TOTAL_SECONDS,
    progress: Progress | None = None,
) -> Path:
    """Download `url` into `folder` under its own name and return the file's path.

    The first answer must come within `connect_seconds`, name resolution included, the whole file
    within `total_seconds`. A name like "x-1a2b3c4d.pth" carries the start of the content's SHA-256,
    which is checked. `progress` gets bytes done and bytes in all (0: not known). Raises
    WeightsMissing; nothing is left behind then.
    """
    target = folder / Path(urlparse(url).path).name
    deadline = time.monotonic() + total_seconds
    response = _first_answer(url, connect_seconds)
    try:
        with response:
            response.raise_for_status()
            folder.mkdir(parents=True, exist_ok=True)
            _save(response, target, deadline, progress)
    except (requests.RequestException, OSError) as error:
        raise _missing(url, _reason(error)) from error
    return target


def _first_answer(url: str, seconds: float) -> requests.Response:
    """The response, its body unread. In a thread: resolving a name knows no deadline."""
    answers: list[requests.Response | requests.RequestException] = []

    def ask() -> None:
        try:
            answers.append(requests.get(url, stream=True, timeout=(seconds / 2, _STALLED_SECONDS)))
        except requests.RequestException as error:
            answers.append(error)

    thread = threading.Thread(target=ask, daemon=True, name="weights")
    thread.start()
    thread.join(seconds)
    if not answers:
        raise _missing(url, f"no answer within {seconds:.0f} s")
    if isinstance(answers[0], requests.RequestException):
        raise _missing(url, _reason(answers[0])) from answers[0]
    return answers[0]


def _save(
    response: requests.Response, target: Path, deadline: float, progress: Progress | None
) -> None:
    total = int(response.headers.get("Content-Length") or 0)
    digest, done = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as file:
        try:
            for block in response.iter_content(1 << 20):
                if time.monotonic() > deadline:
                    raise _missing(response.url, "the download took too long")
                file.write(block)
                digest.update(block)
                done += len(block)
                if progress:
                    progress(done, total)
            if not digest.hexdigest().startswith(expected_hash(target.name)):
                raise _missing(response.url, "the file that came is not the one that was asked for")
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(target)
        finally:
            Path(file.name).unlink(missing_ok=True)


def expected_hash(name: str) -> str:
    """The start of the SHA-256 that a file name promises ("" where it promises none)."""
    start = Path(name).stem.rpartition("-")[2]
    return start if len(start) >= 8 and set(start) <= set("0123456789abcdef") else ""


def _missing(url: str, reason: str) -> WeightsMissing:
    log.warning("weights %s: %s", url, reason)
    return WeightsMissing(f"{url} could not be downloaded ({reason}).")


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError):
        return f"status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error).splitlines()[0][:100] if str(error) else type(error).__name__
