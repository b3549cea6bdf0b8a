"""Hundreds of hostile pictures through the real service: each gets an answer, and harms nobody."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from documented import codes
from hostile.bombs import LIMIT
from hostile.catalogue import large, pictures
from sqlalchemy import select
from werkzeug.test import TestResponse

from connector import decoding
from connector.db.tables import Prediction
from connector.decoding import Undecodable
from connector.settings import Settings
from workers.runtime import Runtime

# Of this process, for one request: whatever takes longer belongs into a limited one.
CPU_SECONDS = 1.0
CLOCK_SECONDS = 60.0
GB = 1_000_000  # in kB, as the system counts it
LIMITS = {"max_pixels": LIMIT, "max_upload_bytes": 2_000_000, "decode_seconds": 1.0}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Give limits that bombs can be just below and just above of, cheaply."""
    return settings.model_copy(update=LIMITS)


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> Iterator[None]:
    """No process takes a gigabyte: not this one, nor those that it has decode for it.

    What tests before left in this process does not count.
    """
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, of_children = _kilobytes("self", "VmRSS"), _of_children()
    yield
    assert _kilobytes("self", "VmHWM") - before < GB / 2
    # A child begins with the size of this process, until it runs a program of its own.
    most = max(GB, _kilobytes("self", "VmHWM"))
    assert _of_children() == of_children or _of_children() <= most
    for process in decoding.pool(settings)._idle:
        assert _kilobytes(str(process._process.pid), "VmHWM") < GB


def _kilobytes(process: str, name: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1])


def _of_children() -> int:
    """The most that any child took that has ended, in kB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


@contextmanager
def in_time(name: str) -> Iterator[None]:
    """Hold the block against the time that one picture may take."""
    cpu, clock = time.thread_time(), time.monotonic()
    yield
    assert time.thread_time() - cpu < CPU_SECONDS, name
    assert time.monotonic() - clock < CLOCK_SECONDS, name


def check(name: str, response: TestResponse) -> bool:
    """Say whether it was accepted; a refusal must be one that the docs know."""
    if response.status_code in (201, 202):
        return True
    assert 400 <= response.status_code < 500, (name, response.data)
    assert response.mimetype == "application/problem+json", name
    assert (response.json or {})["code"] in codes(), (name, response.json)
    return False


def test_there_are_enough_of_them_and_they_are_always_the_same() -> None:
    assert len(pictures()) >= 300
    assert len(set(pictures().values())) > 0.98 * len(pictures())
    again = pictures.__wrapped__()
    assert again == pictures()


@pytest.mark.parametrize("which", [pictures, large])
def test_as_pictures_to_classify(
    as_alice: Caller, job: Any, rt: Runtime, drain: Callable[[], None], which: Any
) -> None:
    accepted = 0
    for name, data in which().items():
        with in_time(name):
            response = as_alice.post(
                f"{job.path}/predictions", data=data, content_type="image/jpeg"
            )
        accepted += check(name, response)
    assert accepted, "some are good enough for the door"
    rt.settings = rt.settings.model_copy(update=LIMITS)
    drain()
    with rt.database.read() as session:
        rows = session.scalars(select(Prediction)).all()
    assert len(rows) == accepted
    for row in rows:
        assert row.status in ("done", "needs_review", "failed")
        assert row.strikes == row.suspect == 0
        assert row.error_code is None or row.error_code in codes(), row.error
        assert row.error is None or row.error[0].isupper()


@pytest.mark.parametrize("which", [pictures, large])
def test_as_examples(as_alice: Caller, job: Any, which: Any) -> None:
    for name, data in which().items():
        with in_time(name):
            response = as_alice.post(
                f"{job.path}/examples?label=red", data=data, content_type="image/png"
            )
        check(name, response)


def test_to_be_turned_or_made_small(settings: Settings) -> None:
    for name, data in (pictures() | large()).items():
        with in_time(name), suppress(Undecodable):
            decoding.rotate(data, settings, 90)
        with in_time(name), suppress(Undecodable):
            decoding.thumbnail(data, settings, 64)
