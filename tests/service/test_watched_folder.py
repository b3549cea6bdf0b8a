"""A watched folder of a running service, whose processes are killed while files arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from colours import picture
from running import Prepared, Service, running, until

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]

COUNT = 24
KILLED = ("watch", "act", "classify")


def source_of(service: Service, folder: Path) -> str:
    """Make a rule that moves into the watched folder itself, and watch it; return its path."""
    base = f"/api/v1/classifiers/{service.prepared.classifier_id}"
    move = {"kind": "move", "params": {"folder": f"{folder}/{{label}}"}}
    service.call("POST", f"{base}/rules", {"label": None, "actions": [move]})
    wanted = {"name": "in", "kind": "folder", "settings": {"path": str(folder)}}
    made = service.call("POST", f"{base}/sources", wanted)
    return f"{base}/sources/{made['id']}"


def test_each_file_is_taken_and_moved_once_whatever_is_killed(
    prepared: Prepared, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    environment = {"COLABEL_FOLDERS": str(folder), "COLABEL_WATCH_SECONDS": "0.2"}
    with running(prepared, environment=environment) as service:
        source = source_of(service, folder)

        def shown() -> dict[str, Any]:
            return service.request("GET", source)[1]

        until(lambda: shown()["watching"]["state"] == "watching", 30, "the folder is watched")
        for number in range(COUNT):
            aside = folder / f".{number}"
            aside.write_bytes(picture(("red", "green", "blue")[number % 3], seed=number))
            aside.rename(folder / f"{number:03d}.png")
            if number % 4 == 3:
                name = KILLED[number // 4 % len(KILLED)]
                until(lambda name=name: service.children().get(name), 20, f"{name} runs").kill()
        until(lambda: len(list(folder.glob("*/*.png"))) == COUNT, 120, "all are sorted")
        until(lambda: not list(folder.glob("*.png")), 60, "none is left behind")
        first = shown()["watching"]["looked_at"]
        until(lambda: shown()["watching"]["looked_at"] > first, 60, "it was looked at again")
        # Of every content one, and of every file one prediction: nothing of ours came in again.
        assert len({path.read_bytes() for path in folder.glob("*/*.png")}) == COUNT
        assert (shown()["accepted"], shown()["refused"]) == (COUNT, 0)
        assert not [path for path in folder.rglob(".*") if path.is_file()]
    with running(prepared, environment=environment) as service:
        (folder / "last.png").write_bytes(picture("red", seed=1000))
        until(lambda: (folder / "red" / "last.png").exists(), 60, "what comes later is sorted too")
        assert service.request("GET", source)[1]["accepted"] == COUNT + 1
