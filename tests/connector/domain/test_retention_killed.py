"""Killing the deleter at any moment leaves nothing lost, and the next run ends what it began.

The deleter is a process of its own that gets a real SIGKILL: first at its first step that others
could see, then at the second, and so on until it finishes. Such steps are what it writes: each
transaction and each deletion of bytes, just before and just after.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aged import left_over, lost, prune, submit, submit_old
from buckets import S3Bucket
from colours import picture
from sqlalchemy import select

from connector.db.tables import Prediction
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

DELETER = """
import json, os, signal, sys
from contextlib import contextmanager
from connector.db import Database
from connector.domain import retention
from connector.settings import load_settings
from connector.storage import open_blobs

settings = load_settings(**json.loads(sys.argv[1]))
moment, killed = 0, True
while killed:
    sys.stdin.readline()
    moment += 1
    child = os.fork()
    if not child:
        database, blobs = Database(settings.database), open_blobs(settings)
        left = moment

        def tick():
            global left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

        write, delete = database.write, blobs.delete

        @contextmanager
        def writing():
            with write() as session:
                yield session
                session.flush()
                tick()
            tick()

        def deleting(sha256):
            tick()
            delete(sha256)
            tick()

        database.write, blobs.delete = writing, deleting
        for _ in retention.passes(database, blobs, settings):
            pass
        os._exit(0)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    if not killed and status:
        sys.exit("the deleter failed")
    print("killed" if killed else "finished", flush=True)
"""


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


@contextmanager
def deleter(rt: Runtime) -> Iterator[Any]:
    """Give a function that lets the deleter come one step further; it says whether it died."""
    chosen = {name: getattr(rt.settings, name) for name in ("storage", "secret_key")}
    told = {
        **chosen,
        "retention_days": 30,
        "data_dir": str(rt.settings.data_dir),
        "database_url": rt.settings.database_url,
    }
    with subprocess.Popen(
        [sys.executable, "-c", DELETER, json.dumps(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def step() -> bool:
            process.stdin.write("\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            said = process.stdout.readline().strip()  # type: ignore[union-attr]
            assert said in ("killed", "finished")
            return said == "killed"

        yield step
        process.stdin.close()
        process.kill()


@pytest.mark.timeout(600)
def test_killed_at_every_step(rt: Runtime, api_source: SourceRef) -> None:
    with deleter(rt) as step:
        killed, deaths, seed = True, 0, 0
        while killed:
            # Two to delete; of one the same bytes come in anew after the deleter has died.
            seed += 1
            two = picture("red", seed=seed), picture("blue", seed=seed)
            old = [submit_old(rt, api_source, one) for one in two]
            killed = step()
            deaths += killed
            assert lost(rt, *two) == []
            again = submit(rt, api_source, two[0])
            assert lost(rt, *two) == []
            prune(rt)
            assert lost(rt, *two) == []
            assert left_over(rt, *two) == []
            with rt.database.read() as session:
                kept = select(Prediction.id).where(Prediction.image_deleted_at.is_(None))
                assert again in session.scalars(kept).all()
                assert not set(old) & set(session.scalars(kept))
    # Marked; claimed; two deleted; gone: each before and after.
    assert deaths >= 10
