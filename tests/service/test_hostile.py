"""Hundreds of hostile pictures through real processes: no 500, no death, no gigabyte."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import pytest
from documented import codes
from hostile.bombs import LIMIT
from hostile.catalogue import large, pictures
from running import Prepared, Service, prepare, running, until
from sqlalchemy import func, select

from connector.db.tables import Prediction

pytestmark = [pytest.mark.service, pytest.mark.timeout(300)]

LIMITS = {
    "COLABEL_MAX_PIXELS": str(LIMIT),
    "COLABEL_MAX_UPLOAD_BYTES": "2000000",
    "COLABEL_DECODE_SECONDS": "1",
}
GB = 1_000_000  # in kB, as the system counts it
DEADLINE_SECONDS = 60.0
WAITS = ("queued",)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running(prepare(tmp_path / "data"), environment=LIMITS) as service:
        yield service


def send(service: Service, picture: tuple[str, bytes]) -> bool:
    """Send one; say whether it was accepted. A refusal must be one that the docs know."""
    name, data = picture
    headers = {"Content-Type": "image/jpeg"}
    status, answer = service.request(
        "POST", service.prepared.hook_path, data, headers, timeout=DEADLINE_SECONDS
    )
    if status == 202:
        return True
    assert 400 <= status < 500, (name, status, answer)
    assert answer["code"] in codes(), (name, answer)
    return False


def peak(process: psutil.Process) -> int:
    """The most memory that a process ever had, in kB; 0 when it has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line), 0)


def count(prepared: Prepared, *where: object) -> int:
    with closing(prepared.database()) as database, database.read() as session:
        return session.scalar(select(func.count(Prediction.id)).where(*where)) or 0  # type: ignore[arg-type]


def test_the_whole_corpus_ends_in_answers_and_refusals(service: Service) -> None:
    before = {name: process.pid for name, process in service.children().items()}
    with ThreadPoolExecutor(4) as pool:
        all_of_them = [*pictures().items(), *large().items()]
        accepted = sum(pool.map(partial(send, service), all_of_them))
    assert accepted, "some are good enough for the door"
    waiting = partial(count, service.prepared, Prediction.status.in_(WAITS))
    until(lambda: waiting() == 0, 2 * DEADLINE_SECONDS, "each is answered or has failed")
    assert count(service.prepared) == accepted
    assert count(service.prepared, Prediction.strikes + Prediction.suspect > 0) == 0
    assert {name: process.pid for name, process in service.children().items()} == before
    peaks = {process.pid: peak(process) for process in service.tree()}
    assert max(peaks.values()) < GB, peaks
