import hashlib
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from models import backbone, download
from models.colabel_small import INPUT_SIZE, NAMED, ColabelSmall

CARD = download.BOXED.with_suffix(".md")


def multiplications(network: nn.Module, size: int) -> int:
    """Multiply-adds of the convolutions for one picture."""
    found: list[int] = []

    def count(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        found.append(output[0].numel() * weight[0].numel())

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, size, size))
    return sum(found)


def test_the_weights_are_in_the_box_and_small() -> None:
    assert download.BOXED.stat().st_size <= 10_000_000
    state = torch.load(download.BOXED, weights_only=True)
    assert state["classifier.bias"].shape == (NAMED,)
    floats = [value for value in state.values() if value.is_floating_point()]
    assert {value.dtype for value in floats} == {torch.float16}
    assert all(bool(value.isfinite().all()) for value in floats)


def test_it_takes_less_work_than_what_it_stands_in_for() -> None:
    peer = multiplications(torchvision.models.mobilenet_v2(), 256)
    assert multiplications(ColabelSmall(), INPUT_SIZE) < 0.6 * peer


def test_it_is_loaded_as_any_other_and_gives_features_and_texture() -> None:
    built = backbone.build(download.boxed())
    assert (built.name, built.weights, built.source) == (
        "colabel_small",
        "pretrained",
        "in the box",
    )
    assert (built.input_size, built.dim) == (96, 320 + 2 * 128)
    assert built.module(torch.rand(2, 3, 96, 96)).shape == (2, built.dim)


@pytest.mark.parametrize("size", [64, 96, 160])
def test_it_takes_any_side_of_whole_cells(size: int) -> None:
    with torch.inference_mode():
        assert ColabelSmall(5).eval()(torch.zeros(1, 3, size, size)).shape == (1, 5)


def test_the_card_is_about_the_weights_that_are_there() -> None:
    text = CARD.read_text()
    assert hashlib.sha256(download.BOXED.read_bytes()).hexdigest() in text
    for heading in ("## Data", "## Recipe", "## Transfer", "## Limits", "## Licence"):
        assert heading in text


def test_it_is_part_of_the_package() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert 'models = ["weights/*"]' in project
