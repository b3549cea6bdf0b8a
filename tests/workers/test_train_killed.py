"""Killing the trainer at any moment leaves the old model serving, and the run ends well after all.

The trainer is a process of its own that gets a real SIGKILL: first at its first step that others
could see, then at the second, and so on until it finishes. Such steps are what it writes: bytes on
the disk and transactions, each just before and just after.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from colours import picture
from paints import add, crash, live_version, request, shown, trained
from sqlalchemy import func, select, update

from connector.db.tables import Classifier, Event, ModelVersion, Prediction, TrainingRun
from connector.domain import classifiers, predictions
from connector.domain.predictions import SourceRef, Submission
from workers import classify
from workers.runtime import Runtime

TRAINER = """
import json, os, signal, sys
import torchvision  # loaded here, and not anew in each of the processes that are killed
from contextlib import contextmanager
from connector.db import Database
from connector.settings import load_settings
from connector.storage import LocalBlobs
from workers import births, train
from workers.runtime import Runtime

settings = load_settings(**json.loads(sys.argv[1]))
moment, killed = 0, True
while killed:
    sys.stdin.readline()
    moment += 1
    child = os.fork()
    if not child:
        rt = Runtime(settings, Database(settings.database), LocalBlobs(settings.blobs_dir))
        left = moment

        def tick():
            global left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

        write, put = rt.database.write, rt.blobs.put

        @contextmanager
        def writing():
            with write() as session:
                yield session
                session.flush()
                tick()
            tick()

        def putting(data):
            tick()
            kept = put(data)
            tick()
            return kept

        rt.database.write, rt.blobs.put = writing, putting
        train.step(rt)
        os._exit(0)
    killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    print(json.dumps({"moment": moment, "killed": killed}), flush=True)
"""


@contextmanager
def trainer(rt: Runtime) -> Iterator[subprocess.Popen[str]]:
    """Start the process that trains; each line to it is a try that ends one moment later."""
    fields = ("data_dir", "database_url", "secret_key", "redis_url", "weights")
    given = {name: str(getattr(rt.settings, name)) for name in fields}
    given |= {"min_free_bytes": 0, "finetune_seconds": 0, "threads": 1}
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINER, json.dumps(given)],
        cwd=Path(classify.__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def attempt(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Let it train until its next moment; tell how that ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return told


def answered(rt: Runtime, classifier: Classifier) -> tuple[str, int | None]:
    """Have a blue picture classified; return its likeliest label and the version that said so."""
    with rt.database.read() as session:
        source = classifiers.source(session, classifier, "api")
        into = SourceRef(source.id, source.workspace_id, source.classifier_id)
    sent = predictions.submit(
        rt.database,
        rt.blobs,
        rt.settings,
        source=into,
        submission=Submission(picture("blue", seed=99), "blue.png"),
    )
    assert classify.step(rt) == 1
    with rt.database.read() as session:
        row = session.get_one(Prediction, sent.id)
        assert row.probabilities is not None
        return max(row.probabilities, key=row.probabilities.__getitem__), row.model_version


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_trainer_killed_at_any_moment_leaves_a_model_that_serves(
    rt: Runtime, paints: Classifier
) -> None:
    add(rt, paints, range(12))
    trained(rt, paints)
    add(rt, paints, range(12, 14))
    run_id = request(rt, paints)
    went_live, moment = 0, 0
    with trainer(rt) as process:
        while (told := attempt(process))["killed"]:
            moment = told["moment"]
            live = live_version(rt, paints)
            assert live in (1, 2)
            assert answered(rt, paints) == ("blue", live)
            went_live += live == 2
            assert went_live == 0 or live == 2, "what is live stays live"
            crash(rt)
            with rt.database.write() as session:
                session.execute(update(TrainingRun).values(strikes=0))
    assert moment > 20
    assert went_live, "some of the moments lie between going live and the end"
    assert shown(rt, run_id)["status"] == "done"
    assert shown(rt, run_id)["version"] == 2
    with rt.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ModelVersion)) == 2
        promoted = select(func.count()).select_from(Event).where(Event.type == "model.promoted")
        assert session.scalar(promoted) == 2
