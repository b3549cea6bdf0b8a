import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from models import export, finetune
from models.embed import Embedder
from models.errors import NotEnoughExamples
from models.finetune import Progress, Settings, Stopped, Tuned, tune
from models.together import SideBySide

# Without a time limit a run is the same each time: the clock has no part in its schedule.
SETTINGS = Settings(seconds=math.inf, epochs=24, flips=True, device="cpu", mixed=False)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tuned(one_thread: None) -> Tuned:
    pictures, targets = tiny.pictures(150, 0)
    return tune(pictures, targets, tiny.LABELS, tiny.backbone(), settings=SETTINGS)


def right(made: Tuned, pictures: np.ndarray, targets: np.ndarray) -> float:
    planes = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        vectors = made.backbone.module((planes - 0.5) / 0.25).numpy()
    return float((made.head.predict(vectors).argmax(1) == targets).mean())


def weights(made: Tuned) -> np.ndarray:
    parts = [value.flatten() for value in made.backbone.module.state_dict().values()]
    return torch.cat([part.float() for part in parts]).numpy()


def test_it_learns_what_the_frozen_network_does_not_see(tuned: Tuned) -> None:
    fresh, truth = tiny.pictures(200, 1)
    frozen = tune_nothing()
    assert right(tuned, fresh, truth) > right(frozen, fresh, truth) + 0.1
    assert tuned.accuracy > tuned.accuracy_before
    assert tuned.validated_on == 24
    assert tuned.backbone.weights == "pretrained"
    assert tuned.backbone.source == "made in the tests, fine-tuned on 150 pictures"


def tune_nothing() -> Tuned:
    pictures, targets = tiny.pictures(150, 0)
    settings = replace(SETTINGS, seconds=1e-9)
    made = tune(pictures, targets, tiny.LABELS, tiny.backbone(), settings=settings)
    assert made.epochs == 0
    assert made.accuracy == made.accuracy_before
    return made


def test_what_it_makes_can_be_exported_and_answers_alike(tuned: Tuned) -> None:
    pictures, _ = tiny.pictures(6, 2)
    onnx = export.backbone_onnx(tuned.backbone, pictures)
    planes = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    expected = tuned.backbone.module((planes - 0.5) / 0.25).numpy()
    assert np.abs(Embedder(onnx).embed(pictures) - expected).max() < 1e-3


def test_the_network_that_it_began_with_stays_as_it_was(tuned: Tuned) -> None:
    base = tiny.backbone()
    before = {k: v.clone() for k, v in base.module.state_dict().items()}
    pictures, targets = tiny.pictures(90, 0)
    dice = torch.random.get_rng_state()
    tune(pictures, targets, tiny.LABELS, base, settings=replace(SETTINGS, epochs=1))
    assert all(torch.equal(v, before[k]) for k, v in base.module.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), dice)


def test_normalisation_learns_from_many_pictures_and_where_the_network_does(tuned: Tuned) -> None:
    before, after = tiny.backbone().module.state_dict(), network(tuned).state_dict()
    kept = [torch.equal(before[key], after[key]) for key in before if "running" in key]
    assert kept == [True] * len(kept), "150 pictures are too few for statistics"
    pictures, targets = tiny.pictures(400, 0)
    more = tune(
        pictures, targets, tiny.LABELS, tiny.backbone(), settings=replace(SETTINGS, epochs=6)
    )
    after = network(more).state_dict()
    kept = [torch.equal(before[key], after[key]) for key in before if "running" in key]
    frozen = 2 * (more.plan.frozen // 4)
    assert 0 < frozen < len(kept)
    assert kept == [True] * frozen + [False] * (len(kept) - frozen)


def network(made: Tuned) -> torch.nn.Module:
    """Return the half of it that was fine-tuned."""
    module = made.backbone.module
    return module.tuned if isinstance(module, SideBySide) else module


def test_time_that_is_up_ends_it_and_what_is_left_shrinks() -> None:
    steps: list[Progress] = []
    pictures, targets = tiny.pictures(90, 0)
    settings = replace(SETTINGS, seconds=1.0, epochs=10_000)
    made = tune(
        pictures, targets, tiny.LABELS, tiny.backbone(), settings=settings, progress=steps.append
    )
    assert 0 < made.epochs < 10_000
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert steps[-1].seconds_left == 0
    assert all(step.seconds_left <= 1.0 for step in steps)
    assert "pass" in steps[-1].message


def test_stopping_keeps_what_was_done_and_the_next_call_goes_on(
    tuned: Tuned, tmp_path: Path
) -> None:
    pictures, targets = tiny.pictures(150, 0)
    path, asked = tmp_path / "run", []

    def after_twenty() -> bool:
        asked.append(1)
        return len(asked) == 20

    arguments = (pictures, targets, tiny.LABELS, tiny.backbone())
    with pytest.raises(Stopped):
        tune(*arguments, settings=SETTINGS, checkpoint=path, should_stop=after_twenty)
    assert path.exists()
    steps: list[Progress] = []
    made = tune(*arguments, settings=SETTINGS, checkpoint=path, progress=steps.append)
    assert len(steps) == 1 + 24 * 4 - 20 + 1
    assert np.array_equal(weights(made), weights(tuned)), "as if it had never been stopped"
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, sys, torch
sys.path.insert(0, "tests")
import tiny
from pathlib import Path
from models.finetune import Settings, tune
torch.set_num_threads(1)
path = Path(sys.argv[1])
def told(progress):
    if path.exists():
        print(os.getpid(), flush=True)
        sys.stdin.readline()
pictures, targets = tiny.pictures(150, 0)
settings = Settings(seconds=float("inf"), epochs=24, flips=True, device="cpu", mixed=False)
tune(pictures, targets, tiny.LABELS, tiny.backbone(), settings=settings, checkpoint=path,
     progress=told)
"""


def test_a_killed_run_goes_on_to_the_same_end(tuned: Tuned, tmp_path: Path) -> None:
    path = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)],
        cwd=Path(finetune.__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid, "some steps after a checkpoint"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    (tmp_path / f"run.{process.pid}.part").write_bytes(b"of a kill while it was being written")
    steps: list[Progress] = []
    pictures, targets = tiny.pictures(150, 0)
    made = tune(
        pictures,
        targets,
        tiny.LABELS,
        tiny.backbone(),
        settings=SETTINGS,
        checkpoint=path,
        progress=steps.append,
    )
    assert len(steps) == 1 + 23 * 4 + 1, "the first pass was not made again"
    assert np.array_equal(weights(made), weights(tuned))
    assert list(tmp_path.iterdir()) == []


def test_the_checkpoint_of_other_pictures_is_not_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "run"
    settings = replace(SETTINGS, epochs=2)
    pictures, targets = tiny.pictures(90, 0)
    with pytest.raises(Stopped):
        tune(
            pictures,
            targets,
            tiny.LABELS,
            tiny.backbone(),
            settings=settings,
            checkpoint=path,
            should_stop=lambda: True,
        )
    steps: list[Progress] = []
    pictures[0, 0, 0, 0] ^= 1
    tune(
        pictures,
        targets,
        tiny.LABELS,
        tiny.backbone(),
        settings=settings,
        checkpoint=path,
        progress=steps.append,
    )
    assert len(steps) == 1 + 2 * 3 + 1, "from the beginning"


def test_what_is_set_aside_has_all_labels_in_their_shares() -> None:
    targets = np.repeat([0, 1, 2, 3], [100, 20, 4, 3])
    aside = finetune.set_aside(targets, 0)
    assert np.bincount(targets[aside], minlength=4).tolist() == [15, 3, 1, 0]


def test_too_few_pictures_are_refused() -> None:
    pictures, targets = tiny.pictures(30, 0)
    with pytest.raises(NotEnoughExamples, match="about 70"):
        tune(pictures, targets, tiny.LABELS, tiny.backbone())
