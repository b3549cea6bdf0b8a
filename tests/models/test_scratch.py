import numpy as np
import pytest
import torch

from models import export, orientation, scratch
from models.embed import Embedder

LABELS = ("down", "left", "right", "up")


def arrows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a dark bar at one of the four sides: a flip or a turn makes it another label."""
    rng = np.random.default_rng(seed)
    size = scratch.INPUT_SIZE
    pictures = rng.integers(120, 255, (count, size, size, 3)).astype(np.uint8)
    targets = rng.integers(0, 4, count)
    for picture, target in zip(pictures, targets, strict=True):
        depth = int(rng.integers(14, 30))
        side = {0: np.s_[-depth:], 1: np.s_[:, :depth], 2: np.s_[:, -depth:], 3: np.s_[:depth]}
        picture[side[int(target)]] //= 3
    return pictures, targets


def answers(made: scratch.TrainedFromScratch, pictures: np.ndarray) -> np.ndarray:
    planes = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor(scratch.MEAN).view(1, 3, 1, 1)
    std = torch.tensor(scratch.STD).view(1, 3, 1, 1)
    with torch.inference_mode():
        embeddings = made.backbone.module((planes - mean) / std).numpy()
    assert embeddings.shape == (len(pictures), made.backbone.dim)
    return made.head.predict(embeddings).argmax(1)


def test_a_few_steps_teach_it_which_side_is_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_STEPS", 60)
    steps: list[tuple[int, int]] = []
    pictures, targets = arrows(120, 0)
    made = scratch.train(
        pictures, targets, LABELS, seconds=300, progress=lambda *step: steps.append(step)
    )
    fresh, truth = arrows(80, 1)
    assert (answers(made, fresh) == truth).mean() > 0.9
    assert made.head.labels == LABELS
    assert made.backbone.weights == "scratch"
    assert steps == [(i, 60) for i in range(1, 61)]


def test_a_slow_machine_gets_a_shorter_schedule_and_not_a_longer_wait() -> None:
    steps: list[tuple[int, int]] = []
    pictures, targets = arrows(40, 0)
    scratch.train(pictures, targets, LABELS, seconds=0.5, progress=lambda *step: steps.append(step))
    done, total = steps[-1]
    assert done == total > len(steps) > 0, "the schedule came to its end in fewer steps"
    assert steps == sorted(steps)


def test_the_smallest_training_set_does_not_break_it() -> None:
    pictures, _ = arrows(4, 0)
    made = scratch.train(pictures, np.array([0, 0, 1, 1]), ("a", "b"), seconds=0.5)
    assert answers(made, pictures).shape == (4,)


def test_it_leaves_torchs_dice_alone() -> None:
    pictures, targets = arrows(8, 0)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    scratch.train(pictures, targets, LABELS, seconds=0.2)
    assert torch.equal(torch.rand(3), expected)


def skies(count: int, seed: int) -> np.ndarray:
    """Noise with a dark bar at the bottom: upright, and nothing else is shown."""
    rng = np.random.default_rng(seed)
    size = scratch.INPUT_SIZE
    pictures = rng.integers(120, 255, (count, size, size, 3)).astype(np.uint8)
    for picture in pictures:
        picture[-int(rng.integers(14, 30)) :] //= 3
    return pictures


def test_upright_pictures_alone_teach_it_which_way_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_STEPS", 60)
    steps: list[tuple[int, int]] = []
    made = scratch.train_upright(
        skies(60, 0),
        np.zeros(60, np.int64),
        seconds=300,
        progress=lambda *step: steps.append(step),
    )
    assert steps == [(i, 60) for i in range(1, 61)]
    assert made.head.labels == orientation.LABELS
    turning = export.in_four_turns(export.backbone_onnx(made.backbone), plain=True)
    embedder = Embedder(turning, threads=1)
    assert embedder.dim == made.head.dim
    fresh = skies(30, 1)
    upright = made.head.predict(embedder.embed(fresh))
    assert (upright.argmax(1) == 0).mean() > 0.9
    for quarters, label in enumerate(orientation.LABELS):
        assert orientation.LIES[label] == quarters
        lying = np.rot90(fresh, quarters, axes=(1, 2))
        answers = made.head.predict(embedder.embed(lying))
        assert np.abs(np.roll(upright, quarters, axis=1) - answers).max() < 1e-6


def test_pictures_that_lie_are_put_upright_before_they_teach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scratch, "_STEPS", 3)
    upright, lies = skies(8, 0), np.arange(8) % 4
    lying = np.stack([np.rot90(one, n) for one, n in zip(upright, lies, strict=True)])
    first, second = (
        scratch.train_upright(pictures, turned, seconds=300)
        for pictures, turned in ((upright, np.zeros(8, np.int64)), (lying, lies))
    )
    assert first.head.to_bytes() == second.head.to_bytes()
