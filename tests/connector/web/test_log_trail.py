"""One picture is followed through the logs, from the hook to the last effect."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from colours import picture
from loopback import Loopback, answer
from running import free_port, until

from connector.db import Database
from connector.db.migrate import upgrade
from connector.logs import setup_logging
from connector.settings import Settings, load_settings
from workers import act, classify, deliver
from workers.runtime import Runtime


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What all processes of the service would log, as JSON."""
    monkeypatch.setenv("COLABEL_LOG_FORMAT", "json")
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    setup_logging("test", logging.StreamHandler(stream))
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def work(rt: Runtime) -> None:
    while classify.step(rt) or act.step(rt) or deliver.step(rt):
        pass


def test_a_picture_leaves_its_id_at_every_step(
    rt: Runtime, as_alice: Caller, as_nobody: Caller, job: Any, alice: Any, stream: io.StringIO
) -> None:
    copy = {"kind": "copy", "params": {"folder": "kept"}}
    as_alice.post(f"{job.path}/rules", json={"label": None, "actions": [copy]})
    with closing(Loopback(answer())) as server:
        wanted = {"url": f"{server.url}?token=HIDDEN1", "event_types": ["prediction.completed"]}
        secret = (as_alice.post("/api/v1/webhooks", json=wanted).json or {})["secret"]
        sent = as_nobody.post(job.hook, data=picture("red")).json or {}
        work(rt)
        assert len(server.requests) == 1
    trail = [one for one in lines(stream) if one.get("prediction_id") == sent["id"]]
    told = {one["message"]: one for one in trail}
    assert list(told) == ["accepted", "classified", "copy done", "delivered"]
    for one in trail:
        assert one["workspace_id"] == alice.workspace_id
        assert one["took_ms"] >= 0
    assert told["accepted"]["way"] == "hook"
    assert told["classified"]["outcome"] == "model"
    assert told["copy done"]["action_id"].startswith("act_")
    assert told["delivered"]["event_type"] == "prediction.completed"
    for hidden in (job.hook, alice.secret, secret, "HIDDEN1"):
        assert hidden not in stream.getvalue()


def test_a_question_to_a_person_is_on_the_trail(
    rt: Runtime, as_alice: Caller, job: Any, stream: io.StringIO
) -> None:
    path = f"{job.path}/predictions"
    sent = as_alice.post(path, data=picture("grey"), content_type="image/png").json or {}
    work(rt)
    (review,) = (as_alice.get("/api/v1/reviews").json or {})["items"]
    as_alice.post(f"/api/v1/reviews/{review['id']}/answer", json={"label": "red"})
    trail = [one for one in lines(stream) if one.get("prediction_id") == sent["id"]]
    assert [one["message"] for one in trail] == ["accepted", "classified", "answered by a person"]
    assert trail[1]["outcome"] == "review"
    assert trail[2]["review_id"] == review["id"]


def test_what_goes_wrong_is_on_the_trail(
    rt: Runtime, as_alice: Caller, job: Any, stream: io.StringIO
) -> None:
    call = {"kind": "alert", "params": {"channel": "webhook", "url": "http://127.0.0.1:1/"}}
    as_alice.post(f"{job.path}/rules", json={"label": None, "actions": [call]})
    path = f"{job.path}/predictions"
    sent = as_alice.post(path, data=picture("red"), content_type="image/png").json or {}
    work(rt)
    last = [one for one in lines(stream) if one.get("prediction_id") == sent["id"]][-1]
    assert last["level"] == "warning"
    assert last["action_id"].startswith("act_")
    assert "failed" in last["message"]


def test_a_batch_that_was_not_committed_tells_nothing(
    rt: Runtime, as_alice: Caller, job: Any, stream: io.StringIO
) -> None:
    as_alice.post(f"{job.path}/predictions", data=picture("red"), content_type="image/png")
    with pytest.raises(KeyError), rt.database.write() as session:
        break_off(rt, session)
    assert "classified" not in [one["message"] for one in lines(stream)]


def break_off(rt: Runtime, session: Any) -> None:
    from connector.domain import decisions

    claimed = decisions.claim_queued(session, limit=1, seconds=60)
    failure = decisions.Failure(claimed.predictions[0].id, "unreadable", "No.")
    assert decisions.record(session, rt.settings, claimed.claim, [], [failure]) == 1
    raise KeyError


@pytest.mark.service
def test_the_access_log_of_gunicorn_hides_the_token(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    database = Database(load_settings(data_dir=data).database)
    upgrade(database)
    database.close()
    port = free_port()
    environment = {
        **os.environ,
        "COLABEL_DATA_DIR": str(data),
        "GUNICORN_CMD_ARGS": "--access-logfile - --workers 1",
    }
    said = tmp_path / "said"
    command = [sys.executable, "-m", "connector.cli", "web", "--port", str(port)]

    def answered(path: str) -> bool:
        with closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status > 0
            except OSError:
                return False

    with (
        said.open("wb") as out,
        subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process,
    ):
        try:
            until(lambda: answered("/hooks/SECRET99?token=SECRET98"), 60, "it answers")
            until(lambda: answered("/hooks%2FSECRET97"), 60, "it answers")
            until(lambda: said.read_text().count("hooks") >= 2, 10, "both are logged")
        finally:
            process.terminate()
    text = said.read_text()
    assert "GET /hooks/***" in text
    assert "SECRET" not in text
