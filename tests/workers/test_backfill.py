"""Back-fills: all keys once, going on where they stopped, waiting instead of failing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from buckets import S3Bucket
from colours import picture
from reading import Reading, allowing
from reports import aws

from connector.db.tables import Backfill, Classifier, Source
from connector.domain import backfills
from connector.inbound import s3_events
from workers import backfill, classify, clock
from workers.receive import Receiver
from workers.runtime import Runtime


@pytest.fixture
def rt(rt: Runtime) -> Iterator[Runtime]:
    """Let sources use any bucket of this machine; threads end with the test."""
    rt.settings = allowing(rt.settings)
    yield rt
    rt.stopping.set()


@pytest.fixture
def reading(
    rt: Runtime, colours: Classifier, bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> Reading:
    monkeypatch.setattr(backfill, "PAGE", 3)
    found = Reading(rt, colours, bucket, prefix="in/", suffixes=[".png"])
    for number in range(7):
        found.put(f"in/Ü {number}+1.png", picture("blue", seed=number))
    return found


def begin(reading: Reading, **wanted: Any) -> str:
    with reading.rt.database.write() as session:
        row = session.get_one(Source, reading.id)
        return backfills.begin(session, row, **wanted).id


def shown(reading: Reading, name: str) -> Backfill:
    with reading.rt.database.read() as session:
        return session.get_one(Backfill, name)


def counts(row: Backfill) -> tuple[int, int, int, int]:
    return row.seen, row.accepted, row.known, row.ignored


def until(reached: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    ends = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < ends
        threading.Event().wait(0.02)


def test_everything_that_the_source_takes_is_taken_once(reading: Reading) -> None:
    reading.put("in/folder/", b"")
    reading.put("in/notes.txt", b"text")
    reading.put("in/ours.png", Metadata={"colabel-action": "act_1"})
    reading.put("out/a.png")
    told = aws("in/Ü 3+1.png", bucket=reading.name)
    reading.receiver.arrivals.take_all(reading.source(), s3_events.read_all(told))
    first = begin(reading)
    assert backfill.step(reading.receiver)
    row = shown(reading, first)
    assert (row.status, counts(row)) == ("done", (10, 6, 1, 3))
    second = begin(reading, prefix="in/Ü")
    assert backfill.step(reading.receiver)
    assert counts(shown(reading, second)) == (7, 0, 7, 0)
    assert len(reading.rows()) == 7
    assert not backfill.step(reading.receiver)


def test_after_a_kill_it_goes_on_behind_the_last_page(
    reading: Reading, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    name, advance, pages = begin(reading), backfills.advance, 0

    def dies(*arguments: Any) -> None:
        nonlocal pages
        pages += 1
        if pages == 2:
            raise Killed
        advance(*arguments)

    rt.settings = rt.settings.model_copy(update={"lease_seconds": 0.2})
    with monkeypatch.context() as patched:
        patched.setattr(backfills, "advance", dies)
        with pytest.raises(Killed):
            backfill.step(reading.receiver)
    row = shown(reading, name)
    assert (row.status, row.after_key, counts(row)) == ("running", "in/Ü 2+1.png", (3, 3, 0, 0))
    until(lambda: backfill.step(reading.receiver))
    row = shown(reading, name)
    assert (row.status, counts(row)) == ("done", (7, 4, 3, 0))
    assert len(reading.rows()) == 7


def test_at_a_quota_it_waits_and_says_so(
    reading: Reading, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "LONGEST_WAIT", 0.05)
    rt.settings = allowing(rt.settings, max_waiting=2)
    reading.receiver = Receiver(rt)
    name = begin(reading)
    said: set[str | None] = set()
    wait = backfills.wait

    def waits(session: Any, claimed: Any, error: Any) -> None:
        wait(session, claimed, error)
        said.add(session.get_one(Backfill, name).waiting_code)

    monkeypatch.setattr(backfills, "wait", waits)
    thread = threading.Thread(target=backfill.step, args=(reading.receiver,), daemon=True)
    thread.start()
    while thread.is_alive():
        classify.step(rt)
        thread.join(0.02)
    row = shown(reading, name)
    assert (row.status, row.waiting, len(reading.rows())) == ("done", None, 7)
    assert said == {"too_many_waiting"}


def test_a_pause_and_a_store_that_is_away_are_waited_for(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "LONGEST_WAIT", 0.02)
    name = begin(reading)
    reading.set_state("paused")
    thread = threading.Thread(target=backfill.step, args=(reading.receiver,), daemon=True)
    thread.start()
    until(lambda: shown(reading, name).waiting_code == "source_paused")
    away = {"buckets": [reading.name], "endpoint_url": "http://127.0.0.1:1"}
    reading.change(state="active", settings=away)
    until(lambda: shown(reading, name).waiting_code == "storage_unreachable")
    reading.change(settings={"buckets": [reading.name]})
    thread.join(60)
    assert (shown(reading, name).status, len(reading.rows())) == ("done", 7)


def test_it_can_be_stopped_and_ends_with_its_source(
    reading: Reading, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = begin(reading)
    take = reading.receiver.arrivals.take

    def stops(*arguments: Any) -> Any:
        with rt.database.write() as session:
            backfills.stop(session, session.get_one(Backfill, name))
        return take(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(reading.receiver.arrivals, "take", stops)
        backfill.step(reading.receiver)
    assert (shown(reading, name).status, counts(shown(reading, name))) == ("stopped", (0, 0, 0, 0))
    other = begin(reading)
    with rt.database.write() as session:
        session.get_one(Source, reading.id).deleted_at = shown(reading, name).created_at
    backfill.step(reading.receiver)
    assert shown(reading, other).status == "stopped"


def test_the_clock_works_on_it(reading: Reading, rt: Runtime) -> None:
    rt.settings = rt.settings.model_copy(update={"clock_seconds": 0.05})
    name = begin(reading)
    thread = threading.Thread(target=clock.serve, args=(rt,), daemon=True)
    thread.start()
    until(lambda: shown(reading, name).status == "done")
    rt.stopping.set()
    thread.join(30)
    assert len(reading.rows()) == 7
