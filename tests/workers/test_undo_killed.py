"""An act worker that is killed again and again while it undoes: nothing is lost or done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from acting import add_rule, run, send
from colours import picture
from running import until
from undoing import ask, locations, look, shown, tally

from connector.db.tables import Classifier
from connector.domain.predictions import SourceRef
from workers.runtime import Runtime

COPY = {"kind": "copy", "params": {"folder": "copies"}}
TURN = {"kind": "rotate", "params": {"degrees": 90}}
MOVE = {"kind": "move", "params": {"folder": "{label}"}}
# How many actions are undone when the worker is killed.
KILLS = (1, 7, 20)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite in the data folder, where a worker of its own finds it."""
    data = tmp_path / "data"
    data.mkdir()
    template: Path = request.getfixturevalue("sqlite_template")
    (data / "colabel.db").write_bytes(template.read_bytes())
    return f"sqlite:///{data / 'colabel.db'}"


def test_killed_at_any_moment(
    rt: Runtime, colours: Classifier, api_source: SourceRef, tmp_path: Path
) -> None:
    add_rule(rt, colours, TURN, COPY, MOVE)
    inbox = tmp_path / "in"
    inbox.mkdir()
    for number in range(14):
        path = inbox / f"{number}.png"
        path.write_bytes(picture("red", seed=number))
        send(rt, api_source, seed=number, location={"kind": "local", "path": str(path)})
    before, places = look(inbox), locations(rt)
    run(rt)
    undo_id = ask(rt, colours, classifier_id=colours.id)
    environment = {
        **os.environ,
        "COLABEL_DATA_DIR": str(rt.settings.data_dir),
        "COLABEL_LEASE_SECONDS": "1",
        "REDIS_URL": rt.settings.redis_url or "",
    }
    command = [sys.executable, "-m", "workers.main", "act", "--burst"]
    for most in KILLS:
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as worker:
            until(
                lambda most=most: shown(rt, colours, undo_id)["undone"] >= most,
                60,
                f"{most} actions are undone",
            )
            worker.send_signal(signal.SIGKILL)
    assert tally(shown(rt, colours, undo_id))[0] == "running"

    def finished() -> bool:
        run(rt)
        return bool(shown(rt, colours, undo_id)["status"] == "done")

    # As soon as the leases of the dead have run out.
    until(finished, 30, "the undo is done")
    assert tally(shown(rt, colours, undo_id)) == ("done", 42, 0, 0)
    assert look(inbox, rt.settings.sorted_dir) == before
    assert locations(rt) == places
