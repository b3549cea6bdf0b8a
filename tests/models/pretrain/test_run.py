import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from albums import album

from models.pretrain import run
from models.pretrain.course import Course, Settings
from models.pretrain.pictures import Library, gather
from models.pretrain.run import Step, train

ROOT = Path(__file__).parents[3]
SHORT = Settings(passes=2, batch=16, rate=0.05, sides=(32, 32))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return gather([album(tmp_path_factory.mktemp("album") / "a", 50)])


def same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    own, other = first.state_dict(), second.state_dict()
    return all(torch.allclose(own[key], other[key], atol=1e-4) for key in own)


def test_it_learns_what_is_shown_and_how_it_lies(library: Library, tmp_path: Path) -> None:
    told: list[Step] = []
    settings = Settings(passes=9, batch=16, rate=0.05, sides=(32, 32))
    train(library, settings, tmp_path, progress=told.append)
    last = told[-1]
    assert last.step == last.steps == 9 * (98 // 16)
    assert last.seconds_left == 0
    assert last.top1 == 1.0
    assert last.upright is not None
    # How pictures lie is a part of it.
    assert last.loss < 0.75 * told[0].loss
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [step.step for step in told]
    assert lines[-1]["top1"] == 1.0


def test_a_killed_training_goes_on_to_the_same_end(library: Library, tmp_path: Path) -> None:
    uninterrupted = train(library, SHORT, tmp_path / "whole")
    folder = tmp_path / "killed"
    program = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
from pathlib import Path
from albums import album
from models.pretrain import run
from models.pretrain.course import Settings
from models.pretrain.pictures import gather
run._SAVE_SECONDS = 0.0
library = gather([album(Path({str(tmp_path / "again")!r}), 50)])
settings = Settings(passes=2, batch=16, rate=0.05, sides=(32, 32))
run.train(library, settings, Path({str(folder)!r}))
"""
    process = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 120
    while not (folder / "checkpoint.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    state = torch.load(folder / "checkpoint.pt", weights_only=True)["state"]
    assert 0 < state["done"] < Course(library, SHORT, None).steps
    resumed = train(library, SHORT, folder)
    assert same(uninterrupted, resumed)
    # It is finished: once more takes no step.
    assert same(resumed, train(library, SHORT, folder))


def test_another_setting_or_picture_begins_anew(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Settings(passes=1, batch=16, sides=(32, 32))
    first = train(library, short, tmp_path)
    other = Settings(passes=1, batch=16, sides=(32, 32), seed=1)
    assert not same(first, train(library, other, tmp_path))
    monkeypatch.setattr(run, "VERSION", run.VERSION + 1)
    told: list[Step] = []
    train(library, other, tmp_path, progress=told.append)
    assert told[-1].seconds > 0


def test_a_teacher_is_listened_to(library: Library, tmp_path: Path) -> None:
    short = Settings(passes=1, batch=16, rate=0.05, sides=(32, 32))
    teacher = train(library, short, tmp_path / "t")
    alone = Course(library, short, None)
    taught = Course(library, short, teacher)
    assert taught.teacher is not None
    assert alone.step() != taught.step()
    learned = train(library, short, tmp_path / "s", teacher=teacher)
    assert not same(learned, train(library, short, tmp_path / "s"))
