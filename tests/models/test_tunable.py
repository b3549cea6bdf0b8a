import numpy as np
import tiny
import torch

from models import tunable
from models.heads import Head
from models.tunable import Average, Tunable, trained


def begun() -> tuple[Tunable, Head, np.ndarray, torch.Tensor]:
    base = tiny.backbone()
    pictures = torch.from_numpy(tiny.pictures(20, 0)[0]).permute(0, 3, 1, 2).float() / 255
    model = Tunable(base, tiny.LABELS)
    with torch.no_grad():
        model.network[9].weight[3] = 0
        model.network[10].bias[3] = 0.5
        vectors = model.features(pictures).numpy()
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(24, 3))
    weights[3] = 0
    head = Head(tiny.LABELS, weights, rng.normal(size=3), 1.7)
    model.begin_with(head, vectors)
    return model, head, vectors, pictures


def test_it_begins_with_the_answers_of_the_head() -> None:
    model, head, _, pictures = begun()
    with torch.no_grad():
        vectors = model.features(pictures).numpy()
        answered = torch.softmax(model(pictures), 1).numpy()
    assert np.abs(answered - head.predict(vectors)).max() < 1e-4


def test_the_head_that_it_gives_answers_as_it_does() -> None:
    model, _, _, pictures = begun()
    with torch.no_grad():
        model.weight.add_(0.3)
        model.bias.mul_(2)
        logits = model(pictures).numpy()
        vectors = model.features(pictures).numpy()
    made = model.head(2.5)
    assert made.temperature == 2.5
    assert np.abs(made.logits(vectors) - logits).max() < 1e-3


def test_features_that_never_change_are_not_blown_up() -> None:
    model, _, vectors, _ = begun()
    assert float(vectors[:, 3].std()) < 1e-6
    assert float(model.scale[3]) == 1


def test_the_first_parameters_can_be_frozen() -> None:
    model, *_ = begun()
    tunable.freeze_leading(model, 4)
    names = [name for name, _ in trained(model)]
    assert names[:2] == ["weight", "bias"]
    assert names[2] == "network.3.weight"
    groups = tunable.optimiser(model).param_groups
    assert sum(len(group["params"]) for group in groups) == len(names)
    assert all(
        p.ndim <= 1 for group in groups if not group["weight_decay"] for p in group["params"]
    )


def test_the_rates_are_set_to_a_share_of_their_peaks() -> None:
    model, *_ = begun()
    optimiser = tunable.optimiser(model)
    tunable.set_rate(optimiser, 1.0)
    peaks = [group["lr"] for group in optimiser.param_groups]
    tunable.set_rate(optimiser, 0.25)
    assert [group["lr"] for group in optimiser.param_groups] == [p / 4 for p in peaks]


def test_the_average_follows_and_is_lent_only() -> None:
    model, *_ = begun()
    average = Average(model)
    first = model.bias.detach().clone()
    with torch.no_grad():
        model.bias.add_(1)
    average.update(1000)
    with average.applied():
        assert torch.allclose(model.bias, first + 0.02, atol=1e-4)
    assert torch.equal(model.bias, first + 1)
