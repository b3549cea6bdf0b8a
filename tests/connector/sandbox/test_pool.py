"""Limited processes: whatever the work does, it costs that process and nobody else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from running import until

from connector.errors import Unavailable
from connector.sandbox import Answer, Broke, Limits, Pool, Refused, TooExpensive
from connector.sandbox import pool as pool_module

MB = 1_000_000


def work(pool: Pool, task: str, data: bytes = b"", **facts: Any) -> Answer:
    return pool.run(f"limited_tasks:{task}", data, facts, max_answer=len(data))


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Two processes that may compute for a second and take 100 MB."""
    pool = Pool(Limits(cpu_seconds=1, memory=100 * MB, patience=100), 2, ["limited_tasks"])
    yield pool
    pool.close()


def process_of(pool: Pool) -> int:
    process: int = work(pool, "turn").facts["process"]
    return process


def test_bytes_go_there_and_come_back(pool: Pool) -> None:
    data = os.urandom(5 * MB)
    answer = work(pool, "turn", data, name="Zoë")
    assert answer.data == data[::-1]
    assert answer.facts["asked"] == {"name": "Zoë"}
    assert answer.facts["process"] != os.getpid()
    assert process_of(pool) == answer.facts["process"], "a process serves more than once"


def test_work_is_done_side_by_side(pool: Pool) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: work(pool, "turn", bytes([n]) * 99), range(40)))
    assert [answer.data[0] for answer in answers] == list(range(40))
    assert len({answer.facts["process"] for answer in answers}) <= 2


def test_computing_for_ever_ends_and_others_go_on_meanwhile(pool: Pool) -> None:
    with ThreadPoolExecutor(1) as threads:
        endless = threads.submit(work, pool, "spin")
        while not endless.done():
            assert work(pool, "turn", b"ab").data == b"ba"
    with pytest.raises(TooExpensive, match="CPU"):
        endless.result()
    assert work(pool, "turn", b"ab").data == b"ba"


def test_computing_time_is_counted_for_each_piece_of_work_alone(pool: Pool) -> None:
    process = process_of(pool)
    for _ in range(3):
        with pytest.raises(Refused):
            work(pool, "refuse")
    assert process_of(pool) == process


def test_a_process_that_does_nothing_is_given_up_after_a_second_try() -> None:
    pool = Pool(Limits(cpu_seconds=0.1, memory=100 * MB, patience=3), 1, ["limited_tasks"])
    started = time.monotonic()
    with pytest.raises(TooExpensive, match="in time"):
        work(pool, "sleep")
    assert time.monotonic() - started >= 2 * pool.limits.clock_seconds
    pool.close()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux limits memory")
def test_memory_has_an_end_of_which_only_the_greedy_one_hears(pool: Pool) -> None:
    assert work(pool, "swell", bytes=50 * MB).facts == {"taken": 50 * MB}
    with pytest.raises(TooExpensive, match="memory"):
        work(pool, "swell", bytes=150 * MB)
    assert work(pool, "swell", bytes=50 * MB).facts == {"taken": 50 * MB}


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_is_tried_again_once_and_then_told(
    pool: Pool, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Broke, match=f"signal {number:d}"):
        work(pool, "abort", signal=int(number))
    assert len([record for record in caplog.records if "abort" in record.message]) == 2
    assert work(pool, "turn", b"ab").data == b"ba"


def test_an_error_nobody_foresaw_is_no_crash(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Broke, match="ZeroDivisionError: of all things"):
        work(pool, "stumble")
    assert len(caplog.records) == 1, "it would only happen again"


def test_errors_of_our_own_come_back_as_they_are(pool: Pool) -> None:
    with pytest.raises(Refused) as caught:
        work(pool, "refuse")
    error = caught.value
    assert (error.kind, error.code) == ("TooLarge", "too_many_pixels")
    assert error.detail == "It is too large."


def test_what_cannot_be_understood_is_not_believed(pool: Pool) -> None:
    with pytest.raises(Broke):
        work(pool, "babble")
    assert work(pool, "turn", b"ab").data == b"ba"


def test_an_answer_larger_than_agreed_is_not_taken(pool: Pool) -> None:
    with pytest.raises(Broke):
        pool.run("limited_tasks:turn", b"ten bytes!", {}, max_answer=9)


def test_it_knows_no_secret_of_ours(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLABEL_SECRET_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "HOME"):
        monkeypatch.setenv(name, "a secret")
    names = set(work(pool, "environment").facts["names"])
    assert "PYTHONPATH" in names
    assert not names & {"COLABEL_SECRET_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "HOME"}


def test_it_leaves_no_file_behind(pool: Pool, tmp_path: Path) -> None:
    target = tmp_path / "left"
    assert work(pool, "write", path=str(target)).facts == {"failed": "File too large"}
    assert not target.exists() or target.stat().st_size == 0


def test_one_that_somebody_ended_while_it_waited_is_replaced(pool: Pool) -> None:
    process = process_of(pool)
    os.kill(process, signal.SIGKILL)
    assert process_of(pool) != process


def test_one_without_work_ends_by_itself(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool._idle_seconds = 0.05
    process = process_of(pool)
    until(lambda: not _runs(process), 10, "the idle process has ended")
    assert process_of(pool) != process


def test_warm_ones_are_all_there_at_once_and_stay(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "IDLE_SECONDS", 0.05)
    pool.warm()
    assert len(pool._idle) == 2
    assert all(process.is_alive() for process in pool._idle)


def test_it_ends_with_whoever_it_works_for(pool: Pool) -> None:
    process = process_of(pool)
    # What the kernel does to the sockets of a process that is killed.
    pool._idle[0]._sock.close()
    until(lambda: not _runs(process), 10, "the orphan has ended")


def test_one_that_cannot_be_started_is_nobodys_fault() -> None:
    pool = Pool(Limits(1, 100 * MB), 1, ["no_such_module"])
    with pytest.raises(Unavailable) as caught:
        work(pool, "turn")
    assert caught.value.code == "decoder_unavailable"


def _runs(process: int) -> bool:
    path = Path(f"/proc/{process}/stat")
    return path.exists() and path.read_text().rpartition(")")[2].split()[0] != "Z"
