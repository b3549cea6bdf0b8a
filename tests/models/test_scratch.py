import numpy as np
import pytest
import torch

from models import scratch

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
