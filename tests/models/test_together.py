import copy
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from models import export, together
from models.embed import Embedder
from models.heads import Head
from models.together import Mix, SideBySide

LABELS = ("a", "b", "c")


def answers(sureness: float, error: float, seed: int, count: int = 3000) -> np.ndarray:
    """Logits [N, 3] of a model that mistakes `error` of the pictures, whose label is n % 3."""
    random = np.random.default_rng(seed)
    said = np.arange(count) % 3
    wrong = random.random(count) < error
    said = np.where(wrong, (said + random.integers(1, 3, count)) % 3, said)
    return sureness * np.eye(3)[said] + random.normal(0, 0.3, (count, 3))


TARGETS = np.arange(3000, dtype=np.int64) % 3


def test_two_models_alike_count_alike() -> None:
    mix = together.weigh(answers(3, 0.2, 0), answers(3, 0.2, 1), TARGETS)
    assert mix.share == 0.5


def test_a_model_that_knows_nothing_has_no_share() -> None:
    nothing = np.random.default_rng(2).normal(0, 3, (3000, 3))
    assert together.weigh(nothing, answers(3, 0.1, 1), TARGETS).share == 0
    assert together.weigh(answers(3, 0.1, 1), nothing, TARGETS).share == 0.75


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_the_joint_head_gives_the_mix_of_both_answers(share: float) -> None:
    random = np.random.default_rng(0)
    one = Head(LABELS, random.normal(size=(4, 3)), random.normal(size=3), 1.7)
    two = Head(LABELS, random.normal(size=(5, 3)), random.normal(size=3), 0.6)
    first, second = (random.normal(size=(7, n)).astype(np.float32) for n in (4, 5))
    mix = Mix(share, 1.3)
    logits = mix.logits(together.answers_of(one, first), together.answers_of(two, second)) / 1.3
    expected = torch.from_numpy(logits).softmax(1).numpy()
    rows = np.concatenate([first, second], axis=1) if share else second
    assert np.abs(together.joint_head(one, two, mix).predict(rows) - expected).max() < 1e-6


def changed() -> tuple[nn.Module, nn.Module]:
    base = tiny.backbone().module
    tuned = copy.deepcopy(base)
    with torch.no_grad():
        for parameter in list(tuned.parameters())[-4:]:
            parameter.add_(0.1)
    return base, tuned


def test_stages_in_common_are_one_in_the_exported_file() -> None:
    base = tiny.backbone()
    _, tuned = changed()
    pair = together.joined(base, tuned, Mix(0.5, 1.0), "both")
    assert isinstance(pair.module, SideBySide)
    assert pair.dim == 48
    assert pair.source == "both"
    pictures, _ = tiny.pictures(4, 1)
    both = export.backbone_onnx(pair, pictures)
    alone = export.backbone_onnx(replace(base, module=tuned), pictures)
    vectors = Embedder(both).embed(pictures)
    assert np.abs(vectors[:, 24:] - Embedder(alone).embed(pictures)).max() < 1e-4
    assert np.abs(vectors[:, :24] - vectors[:, 24:]).max() > 1e-3
    apart = copy.deepcopy(pair.module)
    assert isinstance(apart, SideBySide)
    apart.tuned = copy.deepcopy(tuned)
    twice = export.backbone_onnx(replace(pair, module=apart), pictures)
    assert len(both) < len(twice), "what is equal is written once"


def test_equal_tensors_are_shared_and_changed_ones_are_not() -> None:
    base, tuned = changed()
    assert together.share_equal(tuned, base) > 0
    mine, others = list(tuned.parameters()), list(base.parameters())
    assert [one is two for one, two in zip(mine, others, strict=True)] == [True] * 12 + [False] * 4


def test_without_a_share_the_frozen_network_is_left_out() -> None:
    base = tiny.backbone()
    _, tuned = changed()
    alone = together.joined(base, tuned, Mix(0.0, 1.0), "tuned")
    assert alone.module is tuned
    assert alone.dim == base.dim
