from collections.abc import Iterator

import pytest
import tiny
import torch

from models import backbone, plans
from models.backbone import Backbone
from models.plans import Plan
from models.tunable import Tunable, trained

LABELS = ("a", "b")


def wrapped(name: str, size: int) -> tuple[Tunable, Backbone]:
    module = backbone.with_texture(backbone.headless(backbone.bare(name)), size)
    base = Backbone(
        name,
        module,
        size,
        (0.5, 0.5, 0.5),
        (0.2, 0.2, 0.2),
        backbone.embedding_dim(module, size),
        "pretrained",
        "made in the tests",
    )
    return Tunable(base, LABELS), base


def first_trained(model: Tunable, count: int) -> str:
    return [name for name, _ in model.network.named_parameters()][count]


def test_what_is_frozen_ends_where_the_maps_get_small() -> None:
    model, _ = wrapped("mobilenet_v2", 96)
    early, late = plans.leading(model, 96, 8), plans.leading(model, 96, 16)
    assert first_trained(model, early).startswith("network.features.7.")
    assert first_trained(model, late).startswith("network.features.14.")


def test_a_network_of_tokens_counts_by_its_parameters() -> None:
    with torch.random.fork_rng(devices=[]):
        model, _ = wrapped("vit_b_32", 224)
    count = len(list(model.network.parameters()))
    assert plans.leading(model, 224, 8) == count // 3
    assert plans.leading(model, 224, 16) == 2 * count // 3


def ticking(seconds: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += seconds


@pytest.mark.parametrize(("seconds", "index"), [(1e9, 0), (1.0, -1)])
def test_time_decides_how_much_is_trained(seconds: float, index: int) -> None:
    base = tiny.backbone()
    model = Tunable(base, LABELS)
    options = plans._options(model, base)
    assert len(options) > 1
    clock = ticking(1.0).__next__
    plan = plans.choose(model, base, "cpu", seconds=seconds, pictures=320, mixed=False, clock=clock)
    assert plan == Plan(*options[index], mixed=False, norms=True)
    assert len(list(trained(model))) == 2 + 16 - plan.frozen


def test_mixed_precision_is_for_a_gpu() -> None:
    base = tiny.backbone()
    plan = plans.choose(Tunable(base, LABELS), base, "cpu", seconds=1e9, pictures=16)
    assert not plan.mixed


def test_normalisation_learns_from_enough_pictures_only() -> None:
    base = tiny.backbone()
    model = Tunable(base, LABELS)
    for pictures, learns in ((319, False), (320, True)):
        plan = plans.choose(model, base, "cpu", seconds=1e9, pictures=pictures)
        assert plan.norms is learns
        assert model.norms_learn is learns


def test_trying_leaves_the_model_as_it_was() -> None:
    base = tiny.backbone()
    model = Tunable(base, LABELS)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    plans.choose(model, base, "cpu", seconds=1e9, pictures=16)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_network_that_takes_one_size_only_is_trained_at_that() -> None:
    with torch.random.fork_rng(devices=[]):
        model, base = wrapped("vit_b_32", 224)
    assert {size for size, _ in plans._options(model, base)} == {224}
