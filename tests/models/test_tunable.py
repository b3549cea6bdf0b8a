import numpy as np
import tiny
import torch

from models import tunable
from models.tunable import Average, Tunable, trained


def begun() -> tuple[Tunable, np.ndarray, torch.Tensor]:
    base = tiny.backbone()
    pictures = torch.from_numpy(tiny.pictures(20, 0)[0]).permute(0, 3, 1, 2).float() / 255
    model = Tunable(base, tiny.LABELS)
    with torch.no_grad():
        model.network[9].weight[3] = 0
        model.network[10].bias[3] = 0.5
        vectors = model.features(pictures).numpy()
    model.standardise(vectors)
    model.requires_grad_(True)
    return model, vectors, pictures


def test_it_begins_without_an_opinion() -> None:
    model, _, pictures = begun()
    with torch.no_grad():
        assert torch.equal(model(pictures), torch.zeros(20, 3))


def test_the_head_that_it_gives_answers_as_it_does() -> None:
    model, _, pictures = begun()
    random = np.random.default_rng(0)
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(random.normal(size=(24, 3))))
        model.bias.copy_(torch.from_numpy(random.normal(size=3)))
        logits = model(pictures).numpy()
        vectors = model.features(pictures).numpy()
    made = model.head(2.5)
    assert made.temperature == 2.5
    assert np.abs(made.logits(vectors) - logits).max() < 1e-3


def test_features_that_never_change_are_not_blown_up() -> None:
    model, vectors, _ = begun()
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
    assert peaks == [1e-3, 1e-3, 3e-3]
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


def test_normalisation_learns_where_it_is_not_frozen_and_the_average_takes_its_statistics() -> None:
    model, _, pictures = begun()
    tunable.freeze_leading(model, 8)
    assert tunable.learning_norms(model) == []
    model.norms_learn = True
    names = [name for name, _ in tunable.learning_norms(model)]
    assert names == ["network.7", "network.10"]
    average = Average(model)
    frozen, learns = model.network[4].running_mean.clone(), model.network[7].running_mean.clone()
    with tunable.learning(model), torch.no_grad():
        model(pictures)
    assert torch.equal(model.network[4].running_mean, frozen)
    assert not torch.equal(model.network[7].running_mean, learns)
    assert not model.network[7].training
    with average.applied():
        assert torch.equal(model.network[7].running_mean, learns)


def test_networks_without_normalisation_learn_more_slowly() -> None:
    model, *_ = begun()
    for place in (1, 4, 7, 10):
        model.network[place] = torch.nn.Identity()
    assert [group["lr"] for group in tunable.optimiser(model).param_groups] == [3e-4, 3e-4, 3e-3]
