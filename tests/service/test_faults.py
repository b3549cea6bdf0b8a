"""Faults one by one, against real processes: what was accepted is there, and done once."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

import psutil
import pytest
from running import Prepared, Service, running, until
from sqlalchemy import func, select
from storm import COPY, Sent, Storm

from connector.db.tables import Action, Prediction

AWAY_SECONDS = 60.0

pytestmark = [pytest.mark.service, pytest.mark.timeout(180)]


def post(service: Service, number: int, **headers: str) -> tuple[int, dict[str, object], float]:
    """Send a picture to the hook; return status, answer and the seconds it took."""
    sent, started = Sent(number), time.monotonic()
    answer = service.request(
        "POST", service.prepared.hook_path, sent.data(), sent.headers() | headers, timeout=40
    )
    return *answer, time.monotonic() - started


def count(service: Service, *where: object) -> int:
    """Return how many predictions there are."""
    with closing(service.prepared.database()) as database, database.read() as session:
        return session.scalar(select(func.count(Prediction.id)).where(*where)) or 0  # type: ignore[arg-type]


def _is_past(moment: float) -> bool:
    return time.monotonic() >= moment


@contextmanager
def stopped(process: psutil.Process) -> Iterator[None]:
    """Let a process stand still, as a machine that swaps or a paused container does."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def test_while_redis_hangs_pictures_are_taken_and_later_answered(service: Service) -> None:
    storm = Storm(service, count=24, seconds=6)
    storm.make_rules()
    until(lambda: service.children().get("redis"), 10, "Redis runs")
    took, begun = [], time.monotonic()
    with stopped(service.children()["redis"]):
        for number in range(storm.count):
            due = begun + number * AWAY_SECONDS / (storm.count - 1)
            until(partial(_is_past, due), AWAY_SECONDS, "its turn comes")
            status, answer, seconds = post(service, number)
            assert status == 202, answer
            storm.accepted[number] = str(answer["id"])
            took.append(seconds)
    # Somebody finds out, waiting for two seconds; the others are told.
    assert sorted(took)[len(took) // 2] < 2
    storm.settle(60)
    storm.check()


def test_ten_times_the_same_event_at_once_is_one_row_and_one_effect(service: Service) -> None:
    storm = Storm(service, count=1, seconds=0)
    storm.make_rules()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: post(service, 0), range(10)))
    assert {status for status, _, _ in answers} <= {200, 202}
    assert len({answer["id"] for _, answer, _ in answers}) == 1
    assert count(service) == 1
    storm.accepted[0] = str(answers[0][1]["id"])
    storm.settle(60)
    storm.check()


def test_while_the_database_is_locked_nothing_is_accepted_and_the_answer_says_so(
    service: Service,
) -> None:
    with closing(sqlite3.connect(service.prepared.data_dir / "colabel.db", timeout=30)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        status, answer, seconds = post(service, 0)
        other.execute("ROLLBACK")
    assert (status, answer["code"]) == (503, "database_unavailable")
    assert seconds < 35
    assert count(service) == 0
    status, answer, _ = post(service, 0)
    assert status == 202
    assert count(service) == 1


def test_a_worker_that_stood_still_past_its_lease_writes_nothing_more(service: Service) -> None:
    path = f"/api/v1/classifiers/{service.prepared.classifier_id}/rules"
    service.call("POST", path, {"label": None, "actions": [COPY]})
    first = until(lambda: service.children().get("classify"), 10, "the worker runs")
    ids: list[str] = []
    sending = threading.Event()

    def send() -> None:
        for number in range(400):
            ids.append(str(post(service, number)[1]["id"]))
            if number == 20:
                sending.set()

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send)
        assert sending.wait(60)
        until(lambda: _stopped_at_work(service, first), 60, "it stands still with work in hand")
        try:
            sent.result(120)
            command = [sys.executable, "-m", "connector.cli", "worker", "classify", "--burst"]
            where = ["--data", str(service.prepared.data_dir)]

            def others_did_all() -> bool:
                # Not before the leases have run out can another have these.
                subprocess.run([*command, *where], check=True, capture_output=True, timeout=90)
                return count(service, Prediction.status == "queued") == 0

            until(others_did_all, 90, "another worker did all")
        finally:
            first.resume()
    assert first.is_running()
    storm = Storm(service, count=0, seconds=0)
    storm.settle(60)
    with closing(service.prepared.database()) as database, database.read() as session:
        copies = session.scalar(select(func.count(Action.id)).where(Action.status == "done"))
    assert len(set(ids)) == 400
    assert (count(service), copies) == (400, 400)


def _stopped_at_work(service: Service, worker: psutil.Process) -> bool:
    worker.suspend()
    if count(service, Prediction.lease_token.is_not(None)):
        return True
    worker.resume()
    return False


@pytest.mark.parametrize("moment", ["before the bytes", "after the bytes", "after the commit"])
def test_killed_while_it_accepts_a_repeat_makes_one_row(prepared: Prepared, moment: str) -> None:
    sent = Sent(7)
    arguments = [str(prepared.data_dir), prepared.hook_path, moment]
    died = subprocess.run(
        [sys.executable, "-c", ACCEPTS, *arguments], input=sent.data(), check=False
    )
    assert died.returncode == -signal.SIGKILL
    with running(prepared) as service:
        status, answer, _ = post(service, 7)
        assert status in (200, 202)
        storm = Storm(service, count=0, seconds=0)
        storm.settle(30)
        assert count(service) == 1
        shown = service.request("GET", f"/api/v1/predictions/{answer['id']}")[1]
        assert (shown["status"], shown["label"]) == ("done", sent.colour)


# A web process that ends at a moment of its choice, as by `kill -9`, while it accepts a picture.
ACCEPTS = """
import os, signal, sys
from connector.settings import load_settings
from connector.storage import LocalBlobs
from connector.web.app import create_app

data_dir, hook, moment = sys.argv[1:]

def die(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)

put = LocalBlobs.put
if moment == "before the bytes":
    LocalBlobs.put = die
elif moment == "after the bytes":
    def put_and_die(*arguments, **options):
        put(*arguments, **options)
        die()
    LocalBlobs.put = put_and_die
app = create_app(load_settings(data_dir=data_dir))
if moment == "after the commit":
    app.extensions["colabel"].database.ring = die
headers = {"Idempotency-Key": "storm:7", "Content-Type": "image/png"}
app.test_client().post(hook, data=sys.stdin.buffer.read(), headers=headers)
"""
