"""Many put, accept and delete the same few pictures at once: what was accepted is there.

Every sender looks at the bytes once its picture was accepted, and only then lets it go; deleters
on the same machine, in processes of their own, delete whatever they may without a pause.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from aged import left_over, lost, prune
from buckets import S3Bucket
from sqlalchemy import func, select

from connector.db.tables import Image, Prediction
from connector.domain.predictions import SourceRef
from connector.settings import Settings
from connector.storage import Blobs, open_blobs
from workers.runtime import Runtime

# Which store it is has nothing to do with which database it is.
pytestmark = pytest.mark.parametrize(
    ("database_url", "settings"),
    [
        ("sqlite", "local"),
        pytest.param("postgres", "local", marks=pytest.mark.postgres),
        ("sqlite", "s3"),
    ],
    indirect=True,
)

THREADS, CONTENTS = 2, 3
# It goes on until so many pictures were deleted, each of which had been accepted anew.
ENOUGH = 10

COMMON = """
import json, random, sys, threading
from dataclasses import replace
from datetime import datetime, timedelta, UTC
from sqlalchemy import update
from connector.db import Database
from connector.db.tables import Prediction
from connector.domain import predictions, retention
from connector.domain.predictions import SourceRef, Submission
from connector.settings import load_settings
from connector.storage import open_blobs
from colours import picture

told = json.loads(sys.argv[1])
settings = load_settings(**told["settings"])
database, blobs = Database(settings.database), open_blobs(settings)
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
"""
SENDER = (
    COMMON
    + """
source = SourceRef(**told["source"])
pictures = [picture("red", seed=seed) for seed in range(told["contents"])]
failed, accepted = [], []
LONG_AGO = datetime.now(UTC) - timedelta(days=100)

def send(number):
    chance = random.Random(f"{told['name']} {number}")
    while not ended.is_set():
        data = chance.choice(pictures)
        one = predictions.submit(
            database, blobs, settings, source=source, submission=Submission(data, "a.png")
        )
        with database.read() as session:
            row, image = predictions.get_image(session, source.workspace_id, one.id)
        if not blobs.exists(image.sha256) or blobs.read(image.sha256) != data:
            failed.append(one.id)
        accepted.append(one.id)
        with database.write() as session:
            session.execute(
                update(Prediction)
                .where(Prediction.id == one.id)
                .values(status="done", created_at=LONG_AGO)
            )

def tell(number):
    try:
        send(number)
    except BaseException as error:
        failed.append(repr(error))

threads = [threading.Thread(target=tell, args=(n,)) for n in range(told["threads"])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"failed": failed, "accepted": accepted}))
"""
)
DELETER = (
    COMMON
    + """
while not ended.is_set():
    for released in retention.passes(database, blobs, settings):
        if released.pictures:
            print(released.pictures, flush=True)
"""
)


@pytest.fixture
def settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    mine = settings.model_copy(update={"retention_days": 30})
    if request.param == "local":
        return mine
    bucket: S3Bucket = request.getfixturevalue("bucket")
    return mine.model_copy(update={"storage": str(bucket.name)})


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return open_blobs(settings)


def start(program: str, **told: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path[:0] = {sys.path!r}\n{program}",
            json.dumps(told),
        ],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told_by(process: subprocess.Popen[str]) -> Any:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return json.loads(said)


def listen(deleter: subprocess.Popen[str], deleted: list[int], enough: threading.Event) -> None:
    assert deleter.stdout is not None
    with deleter.stdout as told:
        for line in told:
            deleted.append(int(line))
            if sum(deleted) >= ENOUGH:
                enough.set()


@pytest.mark.timeout(600)
def test_nobody_loses_what_was_accepted(rt: Runtime, api_source: SourceRef) -> None:
    names = ("storage", "secret_key", "retention_days", "database_url", "min_free_bytes")
    given = {name: getattr(rt.settings, name) for name in names}
    given["data_dir"] = str(rt.settings.data_dir)
    enough, deleted = threading.Event(), list[int]()
    deleters = [start(DELETER, settings=given) for _ in range(2)]
    listeners = [threading.Thread(target=listen, args=(one, deleted, enough)) for one in deleters]
    for listener in listeners:
        listener.start()
    wanted = {"settings": given, "source": vars(api_source)}
    senders = [
        start(SENDER, **wanted, name=name, threads=THREADS, contents=CONTENTS) for name in "ab"
    ]
    in_time = enough.wait(500)
    answers = [told_by(sender) for sender in senders]
    for deleter in deleters:
        assert deleter.stdin is not None
        deleter.stdin.close()
    for listener in listeners:
        listener.join()
    assert [deleter.wait(60) for deleter in deleters] == [0, 0]
    assert [answer["failed"] for answer in answers] == [[], []]
    assert in_time
    assert lost(rt) == []
    prune(rt)
    assert left_over(rt) == []
    sent = sum(len(answer["accepted"]) for answer in answers)
    with rt.database.read() as session:
        rows = select(func.count()).select_from(Prediction)
        assert session.scalar(rows) == sent >= ENOUGH
        assert session.scalar(rows.where(Prediction.image_deleted_at.is_(None))) == 0
        assert session.scalars(select(Image.id).where(Image.deleted_at.is_(None))).all() == []
